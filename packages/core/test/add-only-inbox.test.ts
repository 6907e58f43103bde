import {
  addOnlyInbox,
  createReceiver,
  toReceiver,
  type Inbox,
  type NewEntry,
} from '@novita-webhooks/core';
import {
  addOnlyContract,
  inboxContract,
  runCase,
  sampleEvents,
  TEST_SECRET,
} from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { codeOf, noop, SAMPLE_TASK, setUp } from './helpers.ts';

const event = sampleEvents.imageSucceeded();

/** A queue in an array that rejects duplicates. */
function setUpQueue(durable = true) {
  const messages: string[] = [];
  const seen = new Set<string>();
  const inbox = addOnlyInbox({
    durable,
    async add(entry: NewEntry) {
      // An event with a schema error must not make its valid copy a duplicate.
      const key = JSON.stringify([entry.endpoint, entry.taskId, entry.schemaError !== null]);
      if (seen.has(key)) return 'duplicate';
      seen.add(key);
      messages.push(JSON.stringify(entry));
      return 'added';
    },
  });
  return { inbox, messages };
}

for (const contractCase of addOnlyContract) {
  test(contractCase.name, async ({ skip }) => {
    const { inbox, messages } = setUpQueue();
    const subject = { inbox, received: async () => messages };
    await runCase(contractCase, () => subject, inbox.close, skip);
  });
}

test('inboxContract skips an add-only inbox and names addOnlyContract', () => {
  const subject = { inbox: setUpQueue().inbox, leaseDurationMs: 1, advance: async () => undefined };
  const reasons = inboxContract.map(({ skip }) => skip?.(subject));
  expect(new Set(reasons)).toEqual(new Set([expect.stringContaining('addOnlyContract')]));
});

describe('addOnlyInbox', () => {
  test('stores deliveries in one process and lets another process handle them', async () => {
    const { inbox, messages } = setUpQueue();
    const { deliver, log, receiver } = setUp({ inbox });
    expect(codeOf(await deliver(event, { orderId: 42 }))).toBe('accepted');
    expect(codeOf(await deliver(event, { orderId: 42 }))).toBe('duplicate');
    expect(messages).toHaveLength(1);
    await receiver.close();
    expect(log.lines).toEqual([]); // no warning about missing handlers: another process has them

    const worker = createReceiver({ logger: false, inbox, secret: TEST_SECRET });
    const handled: unknown[] = [];
    worker.onTaskSucceeded((_, { taskId, metadata }) => handled.push([taskId, metadata]));
    for (const message of messages) await worker.processEntry(message);
    expect(handled).toEqual([[SAMPLE_TASK, { orderId: 42 }]]);
    await worker.close();
  });

  test('makes the receiver reply 503 and log the reason if add rejects', async () => {
    const inbox = addOnlyInbox({
      durable: true,
      add: async () => Promise.reject(new Error('no broker there')),
    });
    const { deliver, log } = setUp({ inbox });
    const reply = await deliver(event);
    expect([reply.status, codeOf(reply)]).toEqual([503, 'inbox_unavailable']);
    expect(JSON.stringify(log.lines)).toContain('no broker there');
  });

  test('runs no handler, even if the receiver has one and is started', async () => {
    const { inbox } = setUpQueue();
    const { settle, receiver, log } = setUp({ inbox });
    let runs = 0;
    receiver.onTaskFinished(() => void (runs += 1));
    receiver.start();
    expect((await settle(event)).status).toBe(200);
    expect(runs).toBe(0);
    expect(log.messages('error')).toEqual([]);
  });

  test('does not read the first entry to compare the status of a duplicate', async () => {
    const { inbox } = setUpQueue();
    let reads = 0;
    const get: Inbox['get'] = async (key) => {
      reads += 1;
      return inbox.get(key);
    };
    const { deliver, log } = setUp({ inbox: { ...inbox, get } });
    await deliver(event);
    const payload = { task: { task_id: SAMPLE_TASK, status: 'TASK_STATUS_FAILED' } };
    expect(codeOf(await deliver({ ...event, payload }))).toBe('duplicate');
    expect([reads, log.lines]).toEqual([0, []]);
  });

  const missing: [string, (inbox: Inbox) => unknown][] = [
    ['list', (inbox) => inbox.list()],
    ['get', (inbox) => inbox.get({ endpoint: 'novita', taskId: 'one' })],
    ['replay', (inbox) => inbox.replay({ endpoint: 'novita', taskId: 'one' })],
    ['discard', (inbox) => inbox.discard({ endpoint: 'novita', taskId: 'one' })],
    ['stats', (inbox) => inbox.stats()],
    ['stats', (inbox) => createReceiver({ logger: false, inbox }).stats()],
  ];
  test.each(missing)('rejects %s() and refers to the tools of the queue', async (name, call) => {
    const message = expect.stringMatching(
      new RegExp(`^addOnlyInbox: ${name}\\(\\) .*the queue's own tools`),
    ) as unknown;
    await expect(call(setUpQueue().inbox)).rejects.toMatchObject({
      name: 'WebhookError',
      code: 'not_supported',
      message,
    });
  });

  test('throws if it is consumed, and names processEntry()', () => {
    const { inbox } = setUpQueue();
    const message = expect.stringContaining('processEntry()') as unknown;
    const refused = { code: 'invalid_option', message };
    expect(() => setUp({ inbox, consume: true })).toThrow(expect.objectContaining(refused));
    const options = { endpoint: 'novita', concurrency: 1, log: console, onSettled: noop };
    expect(() => inbox.consume(async () => ({ type: 'done' }), options)).toThrow(
      expect.objectContaining({ code: 'not_supported' }),
    );
  });

  test('does not allow a receiver without a secret to take deliveries', () => {
    const { inbox } = setUpQueue();
    expect(() => toReceiver(createReceiver({ logger: false, inbox }))).toThrow(/without a secret/);
    expect(() => createReceiver({ logger: false, inbox, secret: undefined })).toThrow(
      /secret is missing/,
    );
    expect(() => createReceiver({ logger: false, inbox, consume: false })).toThrow(
      /secret is missing/,
    );
  });

  test('logs no loss when it closes, since the queue keeps the entries', async () => {
    const { inbox } = setUpQueue(false);
    const { deliver, receiver, log } = setUp({ inbox });
    await deliver(event);
    await receiver.close();
    expect(log.lines).toEqual([]);
  });

  test('calls open and close of the queue', async () => {
    const calls: string[] = [];
    const inbox = addOnlyInbox({
      durable: true,
      add: async () => 'added',
      open: () => void calls.push('open'),
      close: async () => void calls.push('close'),
    });
    const receiver = createReceiver({ logger: false, inbox });
    expect(calls).toEqual(['open']);
    await receiver.close();
    expect(calls).toEqual(['open', 'close']);
  });
});
