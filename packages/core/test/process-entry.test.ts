import {
  addOnlyInbox,
  createReceiver,
  PermanentError,
  type HandlersFailedError,
  type NewEntry,
} from '@novita-webhooks/core';
import { createTestEntry, sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { createEntryMacs } from '../src/delivery/entry-mac.ts';
import { createSigner } from '../src/callback/signer.ts';
import { noop, SAMPLE_TASK, setUp } from './helpers.ts';

const event = sampleEvents.imageSucceeded();
const BODY = JSON.stringify(event.payload);

async function outcomeOf(run: Promise<void>): Promise<HandlersFailedError['outcome']> {
  const error: unknown = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ name: 'HandlersFailedError', code: 'handler_failed' });
  return (error as HandlersFailedError).outcome;
}

describe('processUnverified: a bare envelope', () => {
  test('runs the handlers and resolves if they succeed', async () => {
    const { receiver } = setUp();
    const seen: unknown[] = [];
    receiver.onTaskSucceeded(({ task }, { attempt, metadata }) =>
      seen.push([task.task_id, attempt, metadata]),
    );
    await receiver.processUnverified(event);
    await receiver.processUnverified(event, { attempt: 3, metadata: { orderId: 42 } });
    expect(seen).toEqual([
      [SAMPLE_TASK, 1, {}],
      [SAMPLE_TASK, 3, { orderId: 42 }],
    ]);
    expect((await receiver.stats()).inbox).toMatchObject({ pending: 0, done: 0 });
  });

  test('rejects with the outcome retry if a handler fails', async () => {
    const { receiver } = setUp({ retry: { delay: () => 1234 } });
    receiver.onTaskSucceeded(noop);
    receiver.onTaskSucceeded(() => {
      throw new Error('no');
    });
    expect(await outcomeOf(receiver.processUnverified(event))).toEqual({
      type: 'retry',
      delayMs: 1234,
      reason: 'Error: no',
      succeededHandlers: [expect.stringMatching(/^succeeded#1/)],
    });
  });

  test('rejects with what the handlers have thrown as cause', async () => {
    const { receiver } = setUp();
    const [one, other] = [new Error('one'), new Error('other')];
    receiver.onTaskFailed(() => Promise.reject(one));
    receiver.onTaskSucceeded(() => Promise.reject(one));
    receiver.onTaskSucceeded(() => Promise.reject(other));
    const failed = receiver.processUnverified(sampleEvents.failed());
    await expect(failed).rejects.toMatchObject({ cause: one });
    const both = receiver.processUnverified(event);
    await expect(both).rejects.toMatchObject({ cause: { errors: [one, other] } });
  });

  test('skips the handlers named in succeededHandlers', async () => {
    const { receiver } = setUp();
    const runs: number[] = [];
    receiver.onTaskSucceeded(() => runs.push(1));
    receiver.onTaskSucceeded(() => {
      runs.push(2);
      if (runs.length === 2) throw new Error('no');
    });
    const first = await outcomeOf(receiver.processUnverified(event));
    const { succeededHandlers } = first;
    await receiver.processUnverified(event, { attempt: 2, succeededHandlers });
    expect(runs).toEqual([1, 2, 2]);
  });

  test('rejects with the outcome dead for PermanentError and for a schema error', async () => {
    const { receiver } = setUp();
    receiver.onTaskSucceeded(() => {
      throw new PermanentError('no');
    });
    expect((await outcomeOf(receiver.processUnverified(event))).type).toBe('dead');
    expect((await outcomeOf(receiver.processUnverified(sampleEvents.schemaError()))).type).toBe(
      'dead',
    );
  });

  test('rejects with what the handlers threw as its cause', async () => {
    const { receiver } = setUp();
    const [first, second] = [new Error('one'), new Error('two')];
    receiver.onTaskSucceeded(() => Promise.reject(first));
    const rejection = () => receiver.processUnverified(event).catch((error: unknown) => error);
    expect(await rejection()).toHaveProperty('cause', first);
    receiver.onTaskSucceeded(() => Promise.reject(second));
    expect(await rejection()).toHaveProperty('cause.errors', [first, second]);
  });

  test('rejects with the outcome released if its signal is aborted', async () => {
    const { receiver, clock } = setUp();
    receiver.onTaskSucceeded(
      (_, { signal }) =>
        new Promise((__, reject) => signal.addEventListener('abort', () => reject(new Error('x')))),
    );
    const controller = new AbortController();
    const outcome = outcomeOf(receiver.processUnverified(event, { signal: controller.signal }));
    await clock.flush();
    controller.abort();
    expect((await outcome).type).toBe('released');
  });

  test('rejects with the outcome dead if attempt maxAttempts fails', async () => {
    const { receiver } = setUp({ retry: { maxAttempts: 3 } });
    receiver.onTaskSucceeded(() => {
      throw new Error('no');
    });
    expect((await outcomeOf(receiver.processUnverified(event, { attempt: 2 }))).type).toBe('retry');
    expect((await outcomeOf(receiver.processUnverified(event, { attempt: 3 }))).type).toBe('dead');
  });

  test.each([
    ['a string', JSON.stringify(event)],
    ['bytes', new TextEncoder().encode(JSON.stringify(event))],
  ])('takes an event as %s', async (_, message) => {
    const { receiver } = setUp();
    let runs = 0;
    receiver.onTaskSucceeded(() => (runs += 1));
    await receiver.processUnverified(message);
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
  ])('rejects a message that is not an event: %j', async (wrong, code) => {
    const { receiver } = setUp();
    await expect(receiver.processUnverified(wrong)).rejects.toMatchObject({
      name: 'WebhookError',
      code,
    });
  });

  test('resolves for progress and other events and runs their handlers', async () => {
    const { receiver, clock } = setUp();
    const seen: string[] = [];
    receiver.onTaskProgress(({ task }) => seen.push(task.status));
    receiver.onOtherEvent(({ event_type }) => seen.push(event_type));
    await receiver.processUnverified(sampleEvents.queued());
    await receiver.processUnverified(sampleEvents.other());
    await clock.flush();
    expect(seen).toEqual(['TASK_STATUS_QUEUED', 'SOME_FUTURE_EVENT']);
  });

  test("runs no handler for a test event with testEvents: 'ignore'", async () => {
    const { receiver } = setUp({ testEvents: 'ignore' });
    let runs = 0;
    receiver.onTaskSucceeded(() => (runs += 1));
    await receiver.processUnverified(sampleEvents.testMode());
    expect(runs).toBe(0);
  });
});

describe('processEntry: an entry from the queue of an add-only inbox', () => {
  /** The message that an accepted delivery added to the queue. */
  async function accept(options: Parameters<typeof setUp>[0] = {}) {
    const messages: NewEntry[] = [];
    const inbox = addOnlyInbox({
      durable: true,
      async add(entry) {
        messages.push(JSON.parse(JSON.stringify(entry)) as NewEntry);
        return 'added';
      },
    });
    const { deliver } = setUp({ inbox, ...options });
    await deliver(sampleEvents.failed({ taskId: SAMPLE_TASK }), { orderId: 42 });
    const [message] = messages;
    if (message === undefined) throw new Error('the delivery was not accepted');
    return { inbox, message };
  }

  test('runs the handlers with what the token stated', async () => {
    const { inbox, message } = await accept();
    const worker = createReceiver({ logger: false, inbox, secret: TEST_SECRET });
    const seen: unknown[] = [];
    worker.onTaskFailed((_, { taskId, metadata, testMode, attempt }) =>
      seen.push([taskId, metadata, testMode, attempt]),
    );
    await worker.processEntry(message);
    await worker.processEntry(JSON.stringify(message), { attempt: 2 });
    await worker.processEntry(new TextEncoder().encode(JSON.stringify(message)));
    expect(seen).toEqual([
      [SAMPLE_TASK, { orderId: 42 }, false, 1],
      [SAMPLE_TASK, { orderId: 42 }, false, 2],
      [SAMPLE_TASK, { orderId: 42 }, false, 1],
    ]);
  });

  test('accepts metadata whose keys the queue has sorted', async () => {
    const inbox = addOnlyInbox({ durable: true, add: async () => 'added' });
    const sign = createEntryMacs(createSigner([TEST_SECRET])).sign;
    const entry = createTestEntry({
      taskId: SAMPLE_TASK,
      body: BODY,
      metadata: { b: [{ d: 1, c: 2 }], a: 1 },
    });
    const message = { ...entry, mac: await sign(entry), metadata: { a: 1, b: [{ c: 2, d: 1 }] } };
    const worker = createReceiver({ logger: false, inbox, secret: TEST_SECRET });
    await expect(worker.processEntry(message)).resolves.toBeUndefined();
  });

  const changes: Record<string, Partial<NewEntry>> = {
    'no mac': { mac: undefined },
    'an empty mac': { mac: '' },
    'the mac of another text': { mac: 'AAAA' },
    'another task': { taskId: 'another-task' },
    'another status': { status: 'TASK_STATUS_SUCCEED' },
    'another body': { body: '{}' },
    'other metadata': { metadata: { orderId: 43 } },
    'another endpoint': { endpoint: 'other' },
    'another time': { receivedAt: 0 },
    'test mode': { testMode: true },
    'a schema error': { schemaError: 'none' },
  };
  test.each(Object.entries(changes))('rejects an entry with %s', async (_, change) => {
    const { inbox, message } = await accept();
    const worker = createReceiver({ logger: false, inbox, secret: TEST_SECRET });
    let runs = 0;
    worker.onTaskFinished(() => (runs += 1));
    await expect(worker.processEntry({ ...message, ...change })).rejects.toMatchObject({
      code: 'unauthorized',
    });
    expect(runs).toBe(0);
  });

  test('accepts a mac of an older secret and rejects one of an unknown secret', async () => {
    const { inbox, message } = await accept();
    const other = 'another secret for tests, 32 characters';
    const rotated = createReceiver({ logger: false, inbox, secret: [other, TEST_SECRET] });
    await expect(rotated.processEntry(message)).resolves.toBeUndefined();
    const unrelated = createReceiver({ logger: false, inbox, secret: other });
    await expect(unrelated.processEntry(message)).rejects.toMatchObject({ code: 'unauthorized' });
    const keyless = createReceiver({ logger: false, inbox });
    await expect(keyless.processEntry(message)).rejects.toMatchObject({ code: 'unauthorized' });
  });

  test('needs no mac with insecure: true', async () => {
    const inbox = addOnlyInbox({ durable: true, add: async () => 'added' });
    const worker = createReceiver({ logger: false, inbox, insecure: true });
    await expect(
      worker.processEntry(createTestEntry({ taskId: SAMPLE_TASK, body: BODY })),
    ).resolves.toBeUndefined();
  });

  test.each([
    [sampleEvents.failed(), 'invalid_argument'],
    [{ ...createTestEntry(), taskId: 'a\u0000b' }, 'invalid_argument'],
    [{ ...createTestEntry(), receivedAt: Number.NaN }, 'invalid_argument'],
    [{ ...createTestEntry(), receivedAt: 1e300 }, 'invalid_argument'],
    [{ ...createTestEntry(), metadata: null }, 'invalid_argument'],
    [{ ...createTestEntry(), priority: 1 }, 'invalid_argument'],
    [{ ...createTestEntry(), body: '{' }, 'invalid_json'],
    ['{', 'invalid_json'],
    [undefined, 'invalid_json'],
  ])('rejects a message that is not an entry: %j', async (message, code) => {
    const inbox = addOnlyInbox({ durable: true, add: async () => 'added' });
    const worker = createReceiver({ logger: false, inbox, insecure: true });
    await expect(worker.processEntry(message)).rejects.toMatchObject({ code });
  });
});
