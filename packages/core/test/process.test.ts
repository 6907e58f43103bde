import { PermanentError, type HandlersFailedError, type NewEntry } from '@novita-webhooks/core';
import { createTestEntry, sampleEvents } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { noop, SAMPLE_TASK, setUp } from './helpers.ts';

const event = sampleEvents.imageSucceeded();

async function outcomeOf(run: Promise<void>): Promise<HandlersFailedError['outcome']> {
  const error: unknown = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ name: 'WebhookError', code: 'handler_failed' });
  return (error as HandlersFailedError).outcome;
}

describe('process', () => {
  test('runs the handlers on an envelope, and resolves when they have succeeded', async () => {
    const { receiver } = setUp();
    const seen: unknown[] = [];
    receiver.onTaskSucceeded(({ task }, { attempt, metadata }) =>
      seen.push([task.task_id, attempt, metadata]),
    );
    await receiver.process(event);
    await receiver.process(event, { attempt: 3, metadata: { orderId: 42 } });
    expect(seen).toEqual([
      [SAMPLE_TASK, 1, {}],
      [SAMPLE_TASK, 3, { orderId: 42 }],
    ]);
    expect((await receiver.stats()).inbox).toMatchObject({ pending: 0, done: 0 });
  });

  test('runs them on an entry as an inbox got it', async () => {
    const { receiver } = setUp();
    const seen: unknown[] = [];
    receiver.onTaskFinished(({ task }, { taskId, metadata, testMode }) =>
      seen.push([task.status, taskId, metadata, testMode]),
    );
    const entry: NewEntry = createTestEntry({
      taskId: SAMPLE_TASK,
      body: JSON.stringify(sampleEvents.failed().payload),
      metadata: { orderId: 42 },
      testMode: true,
    });
    await receiver.process(JSON.parse(JSON.stringify(entry)));
    expect(seen).toEqual([['TASK_STATUS_FAILED', SAMPLE_TASK, { orderId: 42 }, true]]);
  });

  test('throws what to do with the message: again', async () => {
    const { receiver } = setUp({ retry: { delay: () => 1234 } });
    receiver.onTaskSucceeded(noop);
    receiver.onTaskSucceeded(() => {
      throw new Error('no');
    });
    expect(await outcomeOf(receiver.process(event))).toEqual({
      type: 'retry',
      delayMs: 1234,
      reason: 'Error: no',
      succeededHandlers: ['succeeded#1'],
    });
  });

  test('does not run again what has succeeded, when told of it', async () => {
    const { receiver } = setUp();
    const runs: number[] = [];
    for (const index of [1, 2]) receiver.onTaskSucceeded(() => runs.push(index));
    await receiver.process(event, { attempt: 2, succeededHandlers: ['succeeded#1'] });
    expect(runs).toEqual([2]);
  });

  test('throws what to do with the message: no use', async () => {
    const { receiver } = setUp();
    receiver.onTaskSucceeded(() => {
      throw new PermanentError('no');
    });
    expect((await outcomeOf(receiver.process(event))).type).toBe('dead');
    expect((await outcomeOf(receiver.process(sampleEvents.drifted()))).type).toBe('dead');
  });

  test('throws what to do with the message: aborted', async () => {
    const { receiver, clock } = setUp();
    receiver.onTaskSucceeded(
      (_, { signal }) =>
        new Promise((__, reject) => signal.addEventListener('abort', () => reject(new Error('x')))),
    );
    const controller = new AbortController();
    const outcome = outcomeOf(receiver.process(event, { signal: controller.signal }));
    await clock.flush();
    controller.abort();
    expect((await outcome).type).toBe('released');
  });

  test('the last attempt that fails is the end', async () => {
    const { receiver } = setUp({ retry: { maxAttempts: 3 } });
    receiver.onTaskSucceeded(() => {
      throw new Error('no');
    });
    expect((await outcomeOf(receiver.process(event, { attempt: 2 }))).type).toBe('retry');
    expect((await outcomeOf(receiver.process(event, { attempt: 3 }))).type).toBe('dead');
  });

  test.each([
    ['text', JSON.stringify(event)],
    ['bytes', new TextEncoder().encode(JSON.stringify(event))],
  ])('takes an event as %s', async (_, message) => {
    const { receiver } = setUp();
    let runs = 0;
    receiver.onTaskSucceeded(() => (runs += 1));
    await receiver.process(message);
    expect(runs).toBe(1);
  });

  test.each([
    [undefined, 'invalid_json'],
    [null, 'invalid_json'],
    ['{', 'invalid_json'],
    ['{}', 'missing_event_type'],
    [new Uint8Array([255]), 'invalid_json'],
    [[], 'invalid_json'],
    [JSON.parse('{"__proto__":{}}'), 'invalid_json'],
    [{}, 'missing_event_type'],
    [{ event_type: 'ASYNC_TASK_RESULT' }, 'missing_task_id'],
  ])('refuses what is no event: %j', async (wrong, code) => {
    const { receiver } = setUp();
    await expect(receiver.process(wrong)).rejects.toMatchObject({ name: 'WebhookError', code });
  });

  test('tells of progress and other events, and resolves', async () => {
    const { receiver, clock } = setUp();
    const seen: string[] = [];
    receiver.onTaskProgress(({ task }) => seen.push(task.status));
    receiver.onOtherEvent(({ event_type }) => seen.push(event_type));
    await receiver.process(sampleEvents.queued());
    await receiver.process(sampleEvents.other());
    await clock.flush();
    expect(seen).toEqual(['TASK_STATUS_QUEUED', 'SOME_FUTURE_EVENT']);
  });

  test('leaves test events alone when they are to be ignored', async () => {
    const { receiver } = setUp({ testEvents: 'ignore' });
    let runs = 0;
    receiver.onTaskSucceeded(() => (runs += 1));
    await receiver.process(sampleEvents.testMode());
    expect(runs).toBe(0);
  });
});
