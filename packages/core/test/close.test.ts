import { memoryInbox, memoryStore, pollingInbox } from '@novita-webhooks/core';
import {
  createFakeInbox,
  createManualClock,
  sampleEvents,
  signedDelivery,
} from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import {
  codeOf,
  createGauge,
  deferred,
  noop,
  SAMPLE_TASK,
  setUp,
  track,
  takeOver,
} from './helpers.ts';

const KEY = { endpoint: 'novita', taskId: SAMPLE_TASK };
const event = sampleEvents.imageSucceeded();
const LOSS = 'worker: closed with events that were not handled. A durable inbox would keep them.';

describe('close', () => {
  test('answers 503 from then on; the method and the token still come first', async () => {
    const { receiver, deliver } = setUp();
    const asked = await signedDelivery(receiver, event);
    await receiver.close();
    expect(codeOf(await deliver(event))).toBe('closing');
    expect((await receiver.handle({ ...asked, method: 'GET' })).status).toBe(405);
    expect((await receiver.handle({ ...asked, url: '/' })).status).toBe(401);
  });

  test('can be called again: the same promise, one closing of the inbox', async () => {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock });
    let closed = 0;
    const counted = { ...inbox, close: async () => void (closed += 1) };
    const { receiver } = setUp({ inbox: counted }, clock);
    const first = receiver.close();
    expect(receiver.close()).toBe(first);
    await first;
    await receiver.close({ gracePeriodMs: 0 });
    expect(closed).toBe(1);
  });

  test('works on a receiver that never started, and starts nothing', async () => {
    const { receiver, clock } = setUp();
    const gauge = createGauge();
    await receiver.close();
    receiver.onTaskSucceeded(gauge.count(noop));
    receiver.start();
    await clock.flush();
    expect([gauge.runs(), clock.timers()]).toEqual([0, 0]);
  });

  test('waits for a delivery that is under way, and keeps its event', async () => {
    const { receiver, clock } = setUp();
    const rest = deferred<string>();
    const asked = await signedDelivery(receiver, event);
    const body = (async function* () {
      yield await rest.promise;
    })();
    const reply = track(receiver.handle({ ...asked, body }));
    await clock.flush();
    const closed = track(receiver.close());
    await clock.flush();
    expect(closed.settled).toBe(false);
    rest.resolve(JSON.stringify(event));
    await clock.flush();
    expect(reply.value?.status).toBe(200);
    expect(closed.settled).toBe(true);
    expect((await receiver.inbox.get(KEY))?.state).toBe('pending');
  });

  test('waits for a handler within the grace period, and takes up nothing more', async () => {
    const { receiver, settle, clock } = setUp({ handlers: { concurrency: 1 } });
    const end = deferred();
    const seen: string[] = [];
    receiver.onTaskSucceeded(({ task }) => {
      seen.push(task.task_id);
      return end.promise;
    });
    await settle(event);
    await settle(sampleEvents.imageSucceeded({ taskId: 'waits' }));
    const closed = track(receiver.close({ gracePeriodMs: 5000 }));
    await clock.advance(4999);
    expect(closed.settled).toBe(false);
    end.resolve();
    await clock.flush();
    expect(closed.settled).toBe(true);
    expect(seen).toEqual([SAMPLE_TASK]);
    expect((await receiver.inbox.get(KEY))?.state).toBe('done');
    expect(clock.timers()).toBe(0);
  });

  test('aborts what takes longer; the attempt does not count', async () => {
    const { receiver, settle, clock } = setUp();
    const reasons: unknown[] = [];
    receiver.onTaskSucceeded(
      (_, { signal }) =>
        new Promise((__, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason);
            reject(new Error('stopped'));
          });
        }),
    );
    await settle(event);
    const closed = track(receiver.close());
    await clock.advance(9999);
    expect([reasons.length, closed.settled]).toEqual([0, false]);
    await clock.advance(1);
    expect(reasons).toEqual([expect.objectContaining({ code: 'closing' })]);
    expect(closed.settled).toBe(true);
    expect(await receiver.inbox.get(KEY)).toMatchObject({ state: 'pending', attempts: 0 });
    expect(clock.timers()).toBe(0);
  });

  test('remembers what had succeeded before it aborted the rest', async () => {
    const { receiver, settle, clock } = setUp();
    receiver.onTaskSucceeded(noop);
    receiver.onTaskSucceeded(
      (_, { signal }) =>
        new Promise((__, reject) => signal.addEventListener('abort', () => reject(new Error('x')))),
    );
    await settle(event);
    const closed = receiver.close({ gracePeriodMs: 10 });
    await clock.advance(10);
    await closed;
    expect((await receiver.inbox.get(KEY))?.succeededHandlers).toEqual([
      expect.stringMatching(/^succeeded#1/),
    ]);
  });

  test('does not wait for a handler that ignores its signal, and leaves no timer', async () => {
    const { receiver, settle, clock, log } = setUp();
    receiver.onTaskSucceeded(() => new Promise(noop));
    await settle(event);
    const closed = track(receiver.close({ gracePeriodMs: 100 }));
    await clock.advance(5000);
    expect(closed.settled).toBe(true);
    expect(clock.timers()).toBe(0);
    expect(log.messages('warn').join()).toMatch(/ignored their signal/);
    expect((await receiver.inbox.get(KEY))?.state).toBe('pending');
  });

  test('waits for background handlers, then aborts them', async () => {
    const { receiver, settle, clock } = setUp();
    let signal: AbortSignal | undefined;
    receiver.onTaskProgress((_, context) => {
      signal = context.signal;
      return new Promise(noop);
    });
    receiver.onOtherEvent(() => new Promise(noop));
    await settle(sampleEvents.queued());
    await settle(sampleEvents.other());
    const closed = track(receiver.close({ gracePeriodMs: 1000 }));
    await clock.advance(999);
    expect([closed.settled, signal?.aborted]).toEqual([false, false]);
    await clock.advance(1);
    expect([closed.settled, signal?.aborted]).toEqual([true, true]);
    expect(clock.timers()).toBe(0);
  });

  test('gives retries that wait no more time: no timer is left', async () => {
    const { receiver, settle, clock } = setUp({ retry: { delay: () => 60_000 } });
    receiver.onTaskSucceeded(() => {
      throw new Error('no');
    });
    await settle(event);
    expect(clock.timers()).toBeGreaterThan(0);
    await receiver.close();
    expect(clock.timers()).toBe(0);
  });
});

describe('what a memory inbox still holds at the end', () => {
  test('is said as an error', async () => {
    const { receiver, settle, log } = setUp();
    await settle(event);
    await settle(sampleEvents.imageSucceeded({ taskId: 'another' }));
    await receiver.close();
    const loss = log.lines.find(({ message }) => message === LOSS);
    expect(loss).toMatchObject({ level: 'error', details: { entries: 2 } });
  });

  test('is not mentioned when it is nothing', async () => {
    const { receiver, settle, log } = setUp({ retry: { maxAttempts: 1 } });
    receiver.onTaskSucceeded(({ task }) => {
      if (task.task_id === 'dead') throw new Error('no');
    });
    await settle(event);
    await settle(sampleEvents.imageSucceeded({ taskId: 'dead' }));
    await receiver.close();
    expect(log.lines.map(({ message }) => message)).not.toContain(LOSS);
  });

  test('is no loss in a durable inbox', async () => {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock });
    const durable = { ...inbox, capabilities: { ...inbox.capabilities, durable: true } };
    const { receiver, settle, log } = setUp({ inbox: durable }, clock);
    await settle(event);
    await receiver.close();
    expect(log.messages('error')).toEqual([]);
  });
});

describe('an inbox in trouble', () => {
  test.each(['fails', 'stalls'])('that %s does not keep close from its end', async (how) => {
    const clock = createManualClock();
    const inbox = createFakeInbox({ clock });
    const { receiver, settle } = setUp({ inbox }, clock);
    const end = deferred();
    receiver.onTaskSucceeded(() => end.promise);
    await settle(event);
    if (how === 'fails') inbox.fail(new Error('connection refused'));
    const closed = track(receiver.close({ gracePeriodMs: 1000 }));
    if (how === 'stalls') inbox.stall();
    end.resolve();
    await clock.advance(60_000);
    if (how === 'stalls') {
      inbox.recover(); // reading its figures waits for that
      await clock.flush();
    }
    expect(closed.settled).toBe(true);
    expect(clock.timers()).toBe(0);
  });

  test('leaves nothing behind that goes on after close: no heartbeat, no timer', async () => {
    const clock = createManualClock();
    const inbox = createFakeInbox({ clock });
    const { receiver, settle } = setUp({ inbox }, clock);
    receiver.onTaskSucceeded(() => new Promise(noop));
    await settle(event);
    inbox.fail(new Error('connection refused'));
    const closed = track(receiver.close({ gracePeriodMs: 1000 }));
    for (let second = 0; second < 10 && !closed.settled; second += 1) await clock.advance(1000);
    expect(closed.settled).toBe(true);
    expect(clock.timers()).toBe(0);
  });

  test('that records no outcome is left alone after close: its leases may end', async () => {
    const clock = createManualClock();
    const store = memoryStore({ clock });
    const settleNothing = () => Promise.reject(new Error('read-only'));
    const inbox = pollingInbox({ ...store, settle: settleNothing }, { clock });
    const { receiver, settle } = setUp({ inbox }, clock);
    receiver.onTaskSucceeded(noop);
    await settle(event);
    const closed = track(receiver.close({ gracePeriodMs: 1000 }));
    for (let second = 0; second < 10 && !closed.settled; second += 1) await clock.advance(1000);
    expect(closed.settled).toBe(true);
    await clock.advance(60_000);
    expect(clock.timers()).toBe(0);
    expect((await takeOver(store, clock, 30_000)).attempts).toBe(2); // by the next process
  });

  test('that stalls in its figures only does not keep close from its end', async () => {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock });
    const { receiver } = setUp(
      { inbox: { ...inbox, stats: () => new Promise<never>(noop) } },
      clock,
    );
    const closed = track(receiver.close({ gracePeriodMs: 1000 }));
    await clock.advance(60_000);
    expect(closed.settled).toBe(true);
  });

  test('that is reading as close comes: what it claims is given back', async () => {
    const clock = createManualClock();
    const inbox = createFakeInbox({ clock });
    const { receiver, deliver } = setUp({ inbox }, clock);
    const gauge = createGauge();
    await deliver(event);
    inbox.stall();
    receiver.onTaskSucceeded(gauge.count(noop)); // begins to claim
    await clock.flush();
    const closed = track(receiver.close({ gracePeriodMs: 60_000 }));
    await clock.flush();
    inbox.recover();
    await clock.advance(1);
    expect(closed.settled).toBe(true);
    expect(gauge.runs()).toBe(0);
    expect(await inbox.get(KEY)).toMatchObject({ state: 'pending', attempts: 0 });
    expect(clock.timers()).toBe(0);
  });

  test('closes with no grace during a claim: the leases are released, not left to expire', async () => {
    const clock = createManualClock();
    const store = memoryStore({ clock });
    const answer = deferred();
    let isClosed = false;
    const inbox = pollingInbox(
      {
        ...store,
        async claim(...args) {
          const claims = await store.claim(...args);
          await answer.promise;
          return claims;
        },
        async settle(...args) {
          if (isClosed) throw new Error('closed');
          await new Promise<void>((resolve) => void clock.after(100, resolve));
          return store.settle(...args);
        },
        close: async () => void (isClosed = true),
      },
      { clock },
    );
    const { receiver, deliver, log } = setUp({ inbox }, clock);
    await deliver(event);
    receiver.onTaskSucceeded(noop);
    await clock.flush();
    expect(await store.get(KEY)).toMatchObject({ state: 'running' });
    const closed = track(receiver.close({ gracePeriodMs: 0 }));
    await clock.advance(500);
    expect(closed.settled).toBe(false);
    answer.resolve();
    await clock.advance(200);
    expect(closed.settled).toBe(true);
    expect(await store.get(KEY)).toMatchObject({ state: 'pending', attempts: 0 });
    expect(log.messages('warn').join()).not.toContain('its leases expire');
    expect(clock.timers()).toBe(0);
  });
});

test('stats tell what has happened', async () => {
  const { receiver, settle, clock } = setUp({ retry: { maxAttempts: 2, delay: () => 1000 } });
  receiver.onTaskSucceeded(({ task }) => {
    if (task.task_id !== SAMPLE_TASK) throw new Error('no');
  });
  await settle(event);
  await settle(event);
  await settle(sampleEvents.imageSucceeded({ taskId: 'fails' }));
  await clock.advance(1000);
  expect(await receiver.stats()).toEqual({
    inbox: { pending: 0, running: 0, done: 1, dead: 1, lagMs: 0 },
    replies: { accepted: 2, duplicate: 1 },
    outcomes: { done: 1, retry: 1, dead: 1, released: 0 },
    conflicts: 0,
    dropped: 0,
  });
});
