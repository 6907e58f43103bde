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
const LOSS =
  'worker: closed with events that were not handled, or tasks that are awaited. A durable inbox would keep them.';

describe('receiver.close', () => {
  test('makes later deliveries get 503, after the checks of method and token', async () => {
    const { receiver, deliver } = setUp();
    const asked = await signedDelivery(receiver, event);
    await receiver.close();
    expect(codeOf(await deliver(event))).toBe('closing');
    expect((await receiver.handle({ ...asked, method: 'GET' })).status).toBe(405);
    expect((await receiver.handle({ ...asked, url: '/' })).status).toBe(401);
  });

  test('returns the same promise when called again, and closes the inbox once', async () => {
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

  test('prevents a later start() on a receiver that never started', async () => {
    const { receiver, clock } = setUp();
    const gauge = createGauge();
    await receiver.close();
    receiver.onTaskSucceeded(gauge.count(noop));
    receiver.start();
    await clock.flush();
    expect([gauge.runs(), clock.timers()]).toEqual([0, 0]);
  });

  test('waits for a delivery in progress and stores its event', async () => {
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

  test('waits for a running handler within gracePeriodMs and claims no entry', async () => {
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

  test('aborts a handler after gracePeriodMs and does not count the attempt', async () => {
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

  test('records the handlers that succeeded before it aborted the rest', async () => {
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

  test('does not wait for a handler that ignores its signal', async () => {
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

  test('waits for best-effort handlers, then aborts them', async () => {
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

  test('cancels the timer of a retry that is not due yet', async () => {
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

describe('receiver.close: unfinished entries', () => {
  test('are logged as an error if the inbox is not durable', async () => {
    const { receiver, settle, log } = setUp();
    await settle(event);
    await settle(sampleEvents.imageSucceeded({ taskId: 'another' }));
    await receiver.close();
    const loss = log.lines.find(({ message }) => message === LOSS);
    expect(loss).toMatchObject({ level: 'error', details: { entries: 2 } });
  });

  test('are not logged if all entries are done or dead', async () => {
    const { receiver, settle, log } = setUp({ retry: { maxAttempts: 1 } });
    receiver.onTaskSucceeded(({ task }) => {
      if (task.task_id === 'dead') throw new Error('no');
    });
    await settle(event);
    await settle(sampleEvents.imageSucceeded({ taskId: 'dead' }));
    await receiver.close();
    expect(log.lines.map(({ message }) => message)).not.toContain(LOSS);
  });

  test('are not logged if the inbox is durable', async () => {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock });
    const durable = { ...inbox, capabilities: { ...inbox.capabilities, durable: true } };
    const { receiver, settle, log } = setUp({ inbox: durable }, clock);
    await settle(event);
    await receiver.close();
    expect(log.messages('error')).toEqual([]);
  });
});

describe('receiver.close: failing inbox', () => {
  test.each(['fails', 'stalls'])('resolves if the inbox %s', async (how) => {
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
      inbox.recover(); // close reads stats() of the inbox
      await clock.flush();
    }
    expect(closed.settled).toBe(true);
    expect(clock.timers()).toBe(0);
  });

  test('leaves no heartbeat and no timer if the inbox fails', async () => {
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

  test('leaves the leases to expire if the store records no outcome', async () => {
    const clock = createManualClock();
    const store = memoryStore({ clock });
    const rejectSettle = () => Promise.reject(new Error('read-only'));
    const inbox = pollingInbox({ ...store, settle: rejectSettle }, { clock });
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

  test('resolves if stats() of the inbox stalls', async () => {
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

  test('releases the entries of a claim that was in progress', async () => {
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

test('receiver.stats counts replies, outcomes and entries', async () => {
  const { receiver, settle, clock } = setUp({ retry: { maxAttempts: 2, delay: () => 1000 } });
  receiver.onTaskSucceeded(({ task }) => {
    if (task.task_id !== SAMPLE_TASK) throw new Error('no');
  });
  await settle(event);
  await settle(event);
  await settle(sampleEvents.imageSucceeded({ taskId: 'fails' }));
  await clock.advance(1000);
  expect(await receiver.stats()).toEqual({
    disagreements: 0,
    apiDownMs: null,
    sweep: { asked: 0, found: 0, deliveredLater: 0, missing: 0 },
    inbox: { expected: 0, pending: 0, running: 0, done: 1, dead: 1, lagMs: 0 },
    replies: { accepted: 2, duplicate: 1 },
    outcomes: { done: 1, retry: 1, dead: 1, released: 0 },
    refusedTokens: {},
    conflicts: 0,
    dropped: 0,
  });
});

test('receiver.close: aborts processUnverified() and rejects later calls', async () => {
  const { receiver, clock } = setUp();
  const end = deferred();
  let signal: AbortSignal | undefined;
  receiver.onTaskSucceeded((_, context) => {
    signal = context.signal;
    return end.promise;
  });
  const processing = receiver.processUnverified(event).catch((error: unknown) => error);
  await clock.flush();
  const closed = receiver.close({ gracePeriodMs: 100 });
  await clock.advance(200);
  expect(signal?.reason).toMatchObject({ code: 'closing' });
  end.reject(new Error('aborted'));
  await clock.advance(5000);
  expect(await processing).toMatchObject({
    code: 'handler_failed',
    outcome: { type: 'released' },
  });
  await closed;
  await expect(receiver.processUnverified(event)).rejects.toMatchObject({ code: 'closing' });
});
