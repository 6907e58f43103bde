import { memoryInbox, memoryStore, pollingInbox, createReceiver } from '@novita-webhooks/core';
import {
  createFakeInbox,
  createManualClock,
  sampleEvents,
  signedDelivery,
  TEST_SECRET,
} from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { codeOf, createGauge, deferred, noop, setUp, track } from './helpers.ts';

const event = sampleEvents.imageSucceeded();
const ack = 'handled';

describe("receiver with ack: 'handled'", () => {
  test('replies 200 only after the handlers have succeeded', async () => {
    const { receiver, deliver, clock } = setUp({ ack });
    const end = deferred();
    receiver.onTaskSucceeded(() => end.promise);
    const reply = track(deliver(event));
    await clock.advance(3000);
    expect(reply.settled).toBe(false);
    end.resolve();
    await clock.flush();
    expect(reply.value && codeOf(reply.value)).toBe('accepted');
    expect((await receiver.stats()).inbox.done).toBe(1);
    expect(codeOf(await deliver(event))).toBe('duplicate');
  });

  test('replies 503 if a handler fails, and runs it again for the next copy', async () => {
    const { receiver, deliver } = setUp({ ack, retry: { delay: () => 3_600_000 } });
    const attempts: number[] = [];
    receiver.onTaskSucceeded((_, { attempt }) => {
      attempts.push(attempt);
      if (attempt < 3) throw new Error('no');
    });
    const codes: unknown[] = [];
    for (let copy = 0; copy < 4; copy += 1) codes.push(codeOf(await deliver(event)));
    expect(codes).toEqual(['not_handled', 'not_handled', 'accepted', 'duplicate']);
    expect(attempts).toEqual([1, 2, 3]);
  });

  test('replies 503 to each copy of a dead letter and runs no handler', async () => {
    const { receiver, deliver } = setUp({ ack, retry: { maxAttempts: 1 } });
    const gauge = createGauge();
    receiver.onTaskSucceeded(
      gauge.count(() => {
        throw new Error('no');
      }),
    );
    for (let copy = 0; copy < 3; copy += 1) {
      const reply = await deliver(event);
      expect([reply.status, codeOf(reply)]).toEqual([503, 'not_handled']);
      expect(reply.headers['retry-after']).toBeDefined();
    }
    expect(gauge.runs()).toBe(1);
  });

  test('replies 200 if no handler matches the result', async () => {
    const { receiver, deliver } = setUp({ ack });
    receiver.onTaskFailed(noop);
    expect((await deliver(event)).status).toBe(200);
  });

  test('replies 503 if no handler is registered', async () => {
    const { deliver, clock, receiver } = setUp({ ack });
    const reply = track(deliver(event));
    await clock.advance(4000);
    expect(reply.value?.status).toBe(503);
    expect((await receiver.stats()).inbox.pending).toBe(1);
  });
});

describe("receiver with ack: 'handled': copies of a running entry", () => {
  test('wait for the same attempt and get 200', async () => {
    const { receiver, deliver, clock } = setUp({ ack });
    const gauge = createGauge();
    const end = deferred();
    receiver.onTaskSucceeded(gauge.count(() => end.promise));
    const replies = Array.from({ length: 20 }, () => track(deliver(event)));
    await clock.advance(1000);
    replies.push(track(deliver(event)));
    await clock.flush();
    expect(replies.some(({ settled }) => settled)).toBe(false);
    end.resolve();
    await clock.flush();
    expect(replies.map(({ value }) => value?.status)).toEqual(Array(21).fill(200));
    expect(gauge.runs()).toBe(1);
  });

  test('wait for the same attempt and get 503 if it fails', async () => {
    const { receiver, deliver, clock } = setUp({ ack });
    const gauge = createGauge();
    const end = deferred();
    receiver.onTaskSucceeded(gauge.count(() => end.promise));
    const replies = Array.from({ length: 5 }, () => track(deliver(event)));
    await expect.poll(async () => (await receiver.inbox.stats()).running).toBe(1);
    for (let turn = 0; turn < 5; turn += 1) await clock.flush(); // all five deliveries wait
    end.reject(new Error('no'));
    await clock.flush();
    expect(replies.map(({ value }) => value?.status)).toEqual(Array(5).fill(503));
    expect(gauge.runs()).toBe(1);
  });

  test('get 503 while a slow attempt runs, and 200 when it is done', async () => {
    const { receiver, deliver, clock } = setUp({ ack });
    const gauge = createGauge();
    const end = deferred();
    receiver.onTaskSucceeded(gauge.count(() => end.promise));
    const first = track(deliver(event));
    await clock.advance(4000);
    expect(first.value && codeOf(first.value)).toBe('not_handled');
    const second = track(deliver(event));
    await clock.advance(3999);
    expect(second.settled).toBe(false);
    end.resolve();
    await clock.flush();
    expect(second.value?.status).toBe(200);
    expect(codeOf(await deliver(event))).toBe('duplicate');
    expect([gauge.runs(), gauge.most()]).toEqual([1, 1]);
  });

  test('leave no timer after close', async () => {
    const { receiver, deliver, clock } = setUp({ ack });
    receiver.onTaskSucceeded(noop);
    for (let index = 0; index < 50; index += 1) {
      await deliver(sampleEvents.imageSucceeded({ taskId: `task-${index}` }));
    }
    await receiver.close();
    expect(clock.timers()).toBe(0);
  });
});

describe("receiver with ack: 'handled': lost lease", () => {
  test('replies 503, since the outcome is unknown', async () => {
    const clock = createManualClock();
    const inbox = createFakeInbox({ clock });
    const { receiver } = setUp({ ack, inbox }, clock);
    const end = deferred();
    receiver.onTaskSucceeded(() => end.promise);
    const reply = track(receiver.handle(await signedDelivery(receiver, event)));
    await clock.flush();
    inbox.loseLeases();
    end.resolve();
    await clock.advance(4000);
    expect(reply.value?.status).toBe(503);
  });
});

describe("receiver with ack: 'handled': inbox that stalls after add", () => {
  test('replies 503 after 4 s', async () => {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock });
    let calls = 0;
    const slow = {
      ...inbox,
      get: (key: Parameters<typeof inbox.get>[0]) =>
        (calls += 1) > 1 ? new Promise<never>(noop) : inbox.get(key),
    };
    const { receiver, deliver } = setUp({ ack, inbox: slow, retry: { maxAttempts: 1 } }, clock);
    receiver.onTaskSucceeded(() => {
      throw new Error('no');
    });
    await deliver(event);
    const reply = track(deliver(event)); // the first `get` compares, the second stalls
    await clock.advance(4000);
    expect(reply.value?.status).toBe(503);
  });
});

describe("createReceiver with ack: 'handled'", () => {
  test('throws if the inbox has no promote', () => {
    const store = memoryStore();
    delete store.promote;
    const inbox = pollingInbox(store);
    expect(() => createReceiver({ logger: false, secret: TEST_SECRET, ack, inbox })).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
    expect(() => createReceiver({ logger: false, secret: TEST_SECRET, inbox })).not.toThrow();
    expect(() =>
      createReceiver({ logger: false, secret: TEST_SECRET, ack, inbox: memoryInbox() }),
    ).not.toThrow();
  });
});
