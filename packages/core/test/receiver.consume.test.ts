import {
  createReceiver,
  memoryInbox,
  memoryStore,
  pollingInbox,
  toFetchHandler,
  toReceiver,
  type Inbox,
  type Logger,
} from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import {
  createManualClock,
  delivery,
  sampleEvents,
  signedDelivery,
  TEST_SECRET,
} from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { codeOf, ENDPOINT, noop, setUp } from './helpers.ts';

const clock = createManualClock();

/** A memory inbox that says it is shared with other processes. */
function sharedInbox(): Inbox {
  const store = memoryStore({ clock });
  const capabilities = { ...store.capabilities, shared: true };
  return pollingInbox({ ...store, capabilities }, { clock });
}

const refused = (message: RegExp) =>
  expect.objectContaining({
    code: 'invalid_option',
    message: expect.stringMatching(message) as unknown,
  }) as unknown;

describe('receiver with consume: false', () => {
  test('stores events and leaves them to workers', async () => {
    const inbox = sharedInbox();
    const web = setUp({ inbox, consume: false, onTaskSucceeded: noop }, clock);
    web.receiver.start();
    const reply = await web.settle(sampleEvents.imageSucceeded());
    await clock.advance(60_000);
    expect(codeOf(reply)).toBe('accepted');
    expect(await inbox.stats()).toMatchObject({ pending: 1, running: 0, done: 0 });

    const worker = createReceiver({ logger: false, inbox, clock, onTaskSucceeded: noop });
    worker.start();
    await clock.flush();
    expect(await inbox.stats()).toMatchObject({ pending: 0, done: 1 });
    await worker.close();
    await web.receiver.close();
  });

  test('runs no handler in a request of an ephemeral runtime', async () => {
    const inbox = sharedInbox();
    const { receiver } = setUp({ inbox, consume: false, onTaskSucceeded: noop }, clock);
    const handle = toFetchHandler(receiver);
    const { url } = await receiver.createCallback();
    const body = JSON.stringify(sampleEvents.imageSucceeded());
    const response = await handle(new Request(url, { method: 'POST', body }));
    await clock.flush();
    expect(response.status).toBe(200);
    expect(await inbox.stats()).toMatchObject({ pending: 1, done: 0 });
    await receiver.close();
  });

  test("needs a shared inbox and excludes ack: 'handled'", () => {
    const options = { secret: TEST_SECRET, consume: false };
    expect(() => createReceiver(options)).toThrow(refused(/consume: false.*share/));
    expect(() => createReceiver({ logger: false, ...options, inbox: memoryInbox() })).toThrow(
      refused(/share/),
    );
    expect(() => createReceiver({ logger: false, ...options, consume: 1 as never })).toThrow(
      refused(/consume/),
    );
    const waiting = { ...options, ack: 'handled', inbox: sharedInbox() } as const;
    expect(() => createReceiver(waiting)).toThrow(refused(/ack: 'handled' waits/));
  });
});

describe('receiver without a secret', () => {
  const worker = (options: object = {}) =>
    createReceiver({ logger: false, url: ENDPOINT, inbox: sharedInbox(), clock, ...options });

  test('handles the entries that other processes added', async () => {
    const inbox = sharedInbox();
    const web = setUp({ inbox, consume: false }, clock);
    await web.settle(sampleEvents.imageSucceeded(), { orderId: 42 });
    expect(web.log.messages('warn')).toEqual([]); // no warning about missing handlers
    const orders: unknown[] = [];
    const receiver = createReceiver({ logger: false, inbox, clock });
    receiver.onTaskSucceeded((_, { metadata }) => void orders.push(metadata['orderId']));
    await clock.flush();
    expect(orders).toEqual([]); // not before start()
    receiver.start();
    await clock.flush();
    expect(orders).toEqual([42]);
    await receiver.close();
    await web.receiver.close();
  });

  test('rejects all deliveries, signed or not, and creates no callback URL', async () => {
    const receiver = worker();
    const web = setUp({}, clock).receiver;
    for (const request of [
      delivery(ENDPOINT, sampleEvents.imageSucceeded()),
      await signedDelivery(web, sampleEvents.imageSucceeded()),
    ]) {
      expect((await receiver.handle(request)).status).toBe(401);
    }
    expect(await receiver.inbox.stats()).toMatchObject({ pending: 0 });
    await expect(receiver.createCallback()).rejects.toThrow(refused(/without a secret/));
    await expect(receiver.createCallbackUrl()).rejects.toThrow(refused(/without a secret/));
  });

  test('is rejected by the adapters', () => {
    const receiver = worker();
    const advice = refused(/without a secret.*Pass secret/);
    expect(() => toReceiver(receiver)).toThrow(advice);
    expect(() => toFetchHandler(receiver)).toThrow(advice);
    expect(() => toNodeHandler(receiver)).toThrow(advice);
    const options = { inbox: sharedInbox() };
    expect(() => toReceiver(options)).toThrow(refused(/without a secret/));
  });

  test('is not created if secret is passed as undefined', () => {
    expect(() => worker({ secret: undefined })).toThrow(refused(/secret is missing/));
    expect(() => worker({ insecure: undefined })).toThrow(refused(/secret is missing/));
    expect(() => worker({ inbox: memoryInbox() })).toThrow(refused(/secret is missing/));
    expect(() => worker({ inbox: undefined })).toThrow(refused(/secret is missing/));
    expect(() => worker({ consume: false })).toThrow(refused(/secret is missing/));
  });
});

describe('polling inbox: optional methods of the store', () => {
  test('open is called with the logger of each receiver', () => {
    const opened: Logger[] = [];
    const inbox = pollingInbox({ ...memoryStore(), open: (log) => void opened.push(log) });
    const { log } = setUp({ inbox });
    opened[0]?.warn({ from: 'the store' }, 'hello');
    setUp({ inbox, endpoint: 'other' });
    expect(log.messages('warn')).toEqual(['hello']);
    expect(opened.length).toBe(2);
  });

  test('subscribe wakes the poll loop while the inbox is consumed', async () => {
    const store = memoryStore({ clock });
    const listeners = new Set<() => void>();
    const subscribed: string[] = [];
    const inbox = pollingInbox(
      {
        ...store,
        subscribe(endpoint, listener) {
          subscribed.push(endpoint);
          listeners.add(listener);
          return () => void listeners.delete(listener);
        },
      },
      { clock },
    );
    const { receiver } = setUp({ inbox, onTaskSucceeded: noop }, clock);
    expect(listeners.size).toBe(0);
    receiver.start();
    await clock.flush();
    expect(subscribed).toEqual(['novita']);
    // Another inbox object adds the entry, so only the subscription can wake this one.
    const other = setUp({ inbox: pollingInbox(store, { clock }) }, clock);
    await other.deliver(sampleEvents.imageSucceeded());
    await clock.flush();
    expect(await store.stats()).toMatchObject({ pending: 1 });
    for (const listener of listeners) listener();
    await clock.flush();
    expect(await store.stats()).toMatchObject({ done: 1 });
    await receiver.close();
    expect(listeners.size).toBe(0);
  });
});
