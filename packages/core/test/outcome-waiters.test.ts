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

describe('the answer', () => {
  test('is 200 only after the handlers have succeeded', async () => {
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

  test('is 503 when a handler fails, and the next copy is the next attempt', async () => {
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

  test('is 503 for a dead letter, every time, and nothing is run', async () => {
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

  test('is 200 when no handler wants the result', async () => {
    const { receiver, deliver } = setUp({ ack });
    receiver.onTaskFailed(noop);
    expect((await deliver(event)).status).toBe(200);
  });

  test('is 503 when there is no handler at all: nobody handled it', async () => {
    const { deliver, clock, receiver } = setUp({ ack });
    const reply = track(deliver(event));
    await clock.advance(4000);
    expect(reply.value?.status).toBe(503);
    expect((await receiver.stats()).inbox.pending).toBe(1);
  });
});

describe('a copy that arrives meanwhile', () => {
  test('joins the same run', async () => {
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

  test('shares its failure, too', async () => {
    const { receiver, deliver, clock } = setUp({ ack });
    const gauge = createGauge();
    const end = deferred();
    receiver.onTaskSucceeded(gauge.count(() => end.promise));
    const replies = Array.from({ length: 5 }, () => track(deliver(event)));
    await expect.poll(async () => (await receiver.inbox.stats()).running).toBe(1);
    for (let turn = 0; turn < 5; turn += 1) await clock.flush(); // all five have come in
    end.reject(new Error('no'));
    await clock.flush();
    expect(replies.map(({ value }) => value?.status)).toEqual(Array(5).fill(503));
    expect(gauge.runs()).toBe(1);
  });

  test('of a run that is slower than the answer: 503, then 200 once it is done', async () => {
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

  test('leaves nobody waiting behind', async () => {
    const { receiver, deliver, clock } = setUp({ ack });
    receiver.onTaskSucceeded(noop);
    for (let index = 0; index < 50; index += 1) {
      await deliver(sampleEvents.imageSucceeded({ taskId: `task-${index}` }));
    }
    await receiver.close();
    expect(clock.timers()).toBe(0);
  });
});

describe('the lease', () => {
  test('lost: 503, since nobody knows what came of it', async () => {
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

describe('an inbox that stalls after it took the event', () => {
  test('is still answered by 4 s', async () => {
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
    const reply = track(deliver(event)); // a duplicate: compared first, then looked at
    await clock.advance(4000);
    expect(reply.value?.status).toBe(503);
  });
});

describe('an inbox that cannot promote', () => {
  test('is refused when the receiver is made', () => {
    const store = memoryStore();
    delete store.promote;
    const inbox = pollingInbox(store);
    expect(() => createReceiver({ secret: TEST_SECRET, ack, inbox })).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
    expect(() => createReceiver({ secret: TEST_SECRET, inbox })).not.toThrow();
    expect(() => createReceiver({ secret: TEST_SECRET, ack, inbox: memoryInbox() })).not.toThrow();
  });
});
