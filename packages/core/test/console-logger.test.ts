import { createReceiver } from '@novita-webhooks/core';
import {
  createManualClock,
  sampleEvents,
  signedDelivery,
  TEST_SECRET,
} from '@novita-webhooks/testing';
import { afterEach, expect, test, vi } from 'vitest';

import { consoleLogger } from '../src/shared/console-logger.ts';
import { rollUp } from '../src/shared/rate-limited-log.ts';
import { ENDPOINT } from './helpers.ts';

const printed: string[] = [];
for (const method of ['info', 'warn', 'error'] as const) {
  vi.spyOn(console, method).mockImplementation((line: string) => void printed.push(line));
}
afterEach(() => void printed.splice(0));

test('console logger: writes one printable line with the details, and no debug line', () => {
  consoleLogger.debug({}, 'worker: hidden');
  consoleLogger.warn({ taskId: 'task-1', reason: 'two\nlines', left: undefined }, 'worker: failed');
  expect(printed).toEqual(['worker: failed taskId=task-1 reason="two\\nlines"']);
});

test('console logger: writes the stack of a handler only', () => {
  const stack = 'Error: boom\n    at handle (/app/server.ts:1:2)';
  consoleLogger.error({ stack }, 'inbox: failed');
  consoleLogger.error({ handler: 'one', stack }, 'worker: failed');
  expect(printed).toEqual([
    'inbox: failed',
    'worker: failed handler=one\n    at handle (/app/server.ts:1:2)',
  ]);
});

test('console logger: writes the stack of a handler without the frames of the library', () => {
  const file = 'file:///app/node_modules/@novita-webhooks/core/dist/chunk.js:1:2';
  const stack = `Error: boom\n    at save (/app/server.ts:1:2)\n    at async Object.run (${file})`;
  consoleLogger.warn({ handler: 'save', stack }, 'worker: failed');
  expect(printed).toEqual(['worker: failed handler=save\n    at save (/app/server.ts:1:2)']);
});

test('createReceiver: prints the stack of a handler without the frames of the library', async () => {
  const receiver = createReceiver({ url: ENDPOINT, secret: TEST_SECRET });
  receiver.onTaskSucceeded(function save() {
    JSON.parse('{');
  });
  receiver.start();
  await receiver.handle(await signedDelivery(receiver, sampleEvents.imageSucceeded()));
  await receiver.idle({ timeoutMs: 10_000 });
  await receiver.close();
  const [, ...frames] = printed.find((line) => line.includes('failed'))?.split('\n') ?? [];
  expect(frames).toEqual([
    expect.stringMatching(/^ {4}at JSON\.parse/),
    expect.stringMatching(/^ {4}at .*save .*console-logger\.test\.ts/),
  ]);
});

test('console logger: takes a value that JSON does not have', () => {
  consoleLogger.warn({ size: 1n }, 'inbox: failed');
  expect(printed).toEqual(['inbox: failed size=a value that cannot be written as JSON']);
});

test('rollUp: writes a repeated line once, and how many more a minute later', async () => {
  const clock = createManualClock();
  const log = rollUp(consoleLogger, clock);
  for (let count = 1; count <= 42; count += 1)
    log.error({ error: `order ${count}` }, `inbox: down for ${count} s`);
  log.error({ error: 'disk full' }, 'inbox: down');
  expect(printed).toEqual(['inbox: down for 1 s error="order 1"', 'inbox: down error="disk full"']);
  await clock.advance(60_000);
  expect(printed.slice(2)).toEqual([
    'inbox: down for 42 s … and 41 more such lines in the last minute, the last one 60 s ago error="order 42"',
  ]);
  await clock.advance(60_000);
  log.error({ error: 'order 1' }, 'inbox: down');
  expect(printed.slice(3)).toEqual(['inbox: down error="order 1"']);
});

test('rollUp: a rolled-up line names the first three tasks that it stands for', async () => {
  const clock = createManualClock();
  const log = rollUp(consoleLogger, clock);
  const reason = 'Error: no bucket';
  for (const taskId of ['task-1', 'task-2', 'task-2', 'task-3', 'task-4', 'task-5']) {
    log.warn({ taskId, reason }, 'worker: failed');
  }
  await clock.advance(60_000);
  expect(printed).toEqual([
    'worker: failed taskId=task-1 reason="Error: no bucket"',
    'worker: failed … and 5 more such lines in the last minute, the last one 60 s ago, for example taskId=task-2,task-3,task-4 reason="Error: no bucket"',
  ]);
});

test('rollUp: does not give the age of a line that is new', async () => {
  const clock = createManualClock();
  const log = rollUp(consoleLogger, clock);
  log.warn({}, 'inbox: down.');
  await clock.advance(56_000);
  log.warn({}, 'inbox: down.');
  await clock.advance(4000);
  expect(printed[1]).toBe('inbox: down. … and 1 more such lines in the last minute');
});

test('rollUp: the first line of a failed handler says that repeats are rolled up', async () => {
  const clock = createManualClock();
  const log = rollUp(consoleLogger, clock);
  const fail = (taskId: string, attempt: number) =>
    log.warn({ handler: 'save', taskId, attempt }, 'failed');
  log.warn({ handler: 'mail', taskId: 'task-1', attempt: 1 }, 'ended.');
  expect(printed.splice(0)).toEqual([
    'ended. Repeats become one line a minute. handler=mail taskId=task-1 attempt=1',
  ]);
  fail('task-1', 1);
  fail('task-1', 2);
  fail('task-2', 1);
  log.warn({ taskId: 'task-1' }, 'dead');
  await clock.advance(60_000);
  expect(printed).toEqual([
    'failed. Repeats become one line a minute. handler=save taskId=task-1 attempt=1',
    'failed handler=save taskId=task-2 attempt=1',
    'dead taskId=task-1',
    'failed … and 1 more such lines in the last minute, the last one 60 s ago, for example taskId=task-1 handler=save attempt=2',
  ]);
});

test('rollUp: the first failure of each task is written at once, ten times a minute', async () => {
  const clock = createManualClock();
  const log = rollUp(consoleLogger, clock);
  const fail = (task: number, attempt: number) =>
    log.warn({ handler: 'save', taskId: `t${task}`, attempt, reason: 'no bucket' }, 'failed');
  for (let task = 1; task <= 15; task += 1) {
    fail(task, 1);
    fail(task, 2);
  }
  const written = () => printed.splice(0).map((line) => /taskId=(\S+)/.exec(line)?.[1]);
  expect(written()).toEqual(Array.from({ length: 11 }, (_, index) => `t${index + 1}`));
  await clock.advance(60_000);
  expect(printed).toEqual([
    'failed … and 19 more such lines in the last minute, the last one 60 s ago, for example taskId=t1,t2,t3 handler=save attempt=2 reason="no bucket"',
  ]);
  printed.splice(0);
  for (let task = 1; task <= 11; task += 1) fail(task, 1);
  expect(written()).toHaveLength(10); // the rolled-up line was the first one of this minute
});

test('createReceiver: close writes how many lines it held back, and leaves no timer', async () => {
  const clock = createManualClock();
  const receiver = createReceiver({ url: ENDPOINT, secret: TEST_SECRET, clock });
  const other = createReceiver({ url: ENDPOINT, secret: `${TEST_SECRET}x` });
  for (let count = 1; count <= 3; count += 1) {
    await receiver.handle(await signedDelivery(other, sampleEvents.imageSucceeded()));
  }
  await receiver.close();
  const [first = '', ...others] = printed.filter((line) => line.includes('token'));
  expect(others).toEqual([
    first.replace(' token=', ' … and 2 more such lines in the last minute token='),
  ]);
  expect(clock.timers()).toBe(0);
});

test('createReceiver: prints one line when it starts', async () => {
  const receiver = createReceiver({ url: ENDPOINT, secret: TEST_SECRET });
  receiver.start();
  receiver.start();
  receiver.onTaskSucceeded(() => undefined);
  await Promise.resolve();
  expect(printed).toEqual([
    'receiver: started endpoint=novita path="/novita (of url)" inbox=memory handlers=1',
  ]);
  await receiver.close();
});

test('createReceiver: writes the first failure of each task, and all lines of handlers', async () => {
  const retry = { delay: () => 60_000 }; // no second attempt while the test looks
  const receiver = createReceiver({ url: ENDPOINT, secret: TEST_SECRET, retry });
  receiver.onTaskSucceeded(({ task }, { log }) => {
    log.warn({}, 'mine');
    throw new Error(`no order for ${task.task_id}`);
  });
  receiver.start();
  for (const taskId of ['task-1', 'task-2', 'task-3']) {
    await receiver.handle(await signedDelivery(receiver, sampleEvents.imageSucceeded({ taskId })));
  }
  await receiver.idle({ timeoutMs: 10_000 });
  const failures = printed.filter((line) => line.startsWith('worker: a handler failed'));
  expect(failures.map((line) => /task-\d/.exec(line)?.[0])).toEqual(['task-1', 'task-2', 'task-3']);
  expect(printed.filter((line) => line.startsWith('mine'))).toHaveLength(3);
  await receiver.close();
});

test('createReceiver: logger: false prints nothing', async () => {
  const receiver = createReceiver({ url: ENDPOINT, secret: TEST_SECRET, logger: false });
  receiver.start();
  await receiver.close();
  receiver.start();
  expect(printed).toEqual([]);
});
