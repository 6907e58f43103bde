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

/** As far as a receiver can tell, others have it open as well. */
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

describe('a web process', () => {
  test('takes events, and leaves them to the workers', async () => {
    const inbox = sharedInbox();
    const web = setUp({ inbox, consume: false, onTaskSucceeded: noop }, clock);
    web.receiver.start();
    const reply = await web.settle(sampleEvents.imageSucceeded());
    await clock.advance(60_000);
    expect(codeOf(reply)).toBe('accepted');
    expect(await inbox.stats()).toMatchObject({ pending: 1, running: 0, done: 0 });

    const worker = createReceiver({ inbox, clock, onTaskSucceeded: noop });
    worker.start();
    await clock.flush();
    expect(await inbox.stats()).toMatchObject({ pending: 0, done: 1 });
    await worker.close();
    await web.receiver.close();
  });

  test('answers on a runtime that may stop after the answer, and does not attempt it there', async () => {
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

  test('has to share its inbox with somebody', () => {
    const options = { secret: TEST_SECRET, consume: false };
    expect(() => createReceiver(options)).toThrow(refused(/consume: false.*share/));
    expect(() => createReceiver({ ...options, inbox: memoryInbox() })).toThrow(refused(/share/));
    expect(() => createReceiver({ ...options, consume: 1 as never })).toThrow(refused(/consume/));
    const waiting = { ...options, ack: 'handled', inbox: sharedInbox() } as const;
    expect(() => createReceiver(waiting)).toThrow(refused(/ack: 'handled' waits/));
  });
});

describe('a worker', () => {
  const worker = (options: object = {}) =>
    createReceiver({ url: ENDPOINT, inbox: sharedInbox(), clock, ...options });

  test('needs no secret, and handles what others have added', async () => {
    const inbox = sharedInbox();
    const web = setUp({ inbox, consume: false }, clock);
    await web.settle(sampleEvents.imageSucceeded(), { orderId: 42 });
    expect(web.log.messages('warn')).toEqual([]); // that it has no handler is as it should be
    const orders: unknown[] = [];
    const receiver = createReceiver({ inbox, clock });
    receiver.onTaskSucceeded((_, { metadata }) => void orders.push(metadata['orderId']));
    await clock.flush();
    expect(orders).toEqual([]); // not before it is started
    receiver.start();
    await clock.flush();
    expect(orders).toEqual([42]);
    await receiver.close();
    await web.receiver.close();
  });

  test('takes no deliveries: not from strangers, and not signed by anybody', async () => {
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

  test('cannot be mounted on a server', () => {
    const receiver = worker();
    const advice = refused(/without a secret.*Pass secret/);
    expect(() => toReceiver(receiver)).toThrow(advice);
    expect(() => toFetchHandler(receiver)).toThrow(advice);
    expect(() => toNodeHandler(receiver)).toThrow(advice);
    const options = { inbox: sharedInbox() };
    expect(() => toReceiver(options)).toThrow(refused(/without a secret/));
  });

  test('is not what becomes of a receiver whose secret is not set', () => {
    expect(() => worker({ secret: undefined })).toThrow(refused(/secret is missing/));
    expect(() => worker({ insecure: undefined })).toThrow(refused(/secret is missing/));
    expect(() => worker({ inbox: memoryInbox() })).toThrow(refused(/secret is missing/));
    expect(() => worker({ inbox: undefined })).toThrow(refused(/secret is missing/));
    expect(() => worker({ consume: false })).toThrow(refused(/secret is missing/));
  });
});

describe('what a store may have besides', () => {
  test('each receiver opens the inbox, with its logger', () => {
    const opened: Logger[] = [];
    const inbox = pollingInbox({ ...memoryStore(), open: (log) => void opened.push(log) });
    const { log } = setUp({ inbox });
    opened[0]?.warn({ from: 'the store' }, 'hello');
    setUp({ inbox, endpoint: 'other' });
    expect(log.messages('warn')).toEqual(['hello']);
    expect(opened.length).toBe(2);
  });

  test('what it hears of others is taken up at once, as long as it is consumed', async () => {
    const store = memoryStore({ clock });
    const heard = new Set<() => void>();
    const asked: string[] = [];
    const inbox = pollingInbox(
      {
        ...store,
        subscribe(endpoint, hear) {
          asked.push(endpoint);
          heard.add(hear);
          return () => void heard.delete(hear);
        },
      },
      { clock },
    );
    const { receiver } = setUp({ inbox, onTaskSucceeded: noop }, clock);
    expect(heard.size).toBe(0);
    receiver.start();
    await clock.flush();
    expect(asked).toEqual(['novita']);
    // By somebody else: this process hears of it only through its subscription.
    const other = setUp({ inbox: pollingInbox(store, { clock }) }, clock);
    await other.deliver(sampleEvents.imageSucceeded());
    await clock.flush();
    expect(await store.stats()).toMatchObject({ pending: 1 });
    for (const hear of heard) hear();
    await clock.flush();
    expect(await store.stats()).toMatchObject({ done: 1 });
    await receiver.close();
    expect(heard.size).toBe(0);
  });
});
