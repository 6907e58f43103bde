import { memoryInbox, memoryStore, pollingInbox, type Store } from '@novita-webhooks/core';
import {
  createFakeInbox,
  createManualClock,
  sampleEvents,
  type ManualClock,
} from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { createGauge, deferred, SAMPLE_TASK, setUp, takeOver } from './helpers.ts';

const LEASE = 30_000;
const KEY = { endpoint: 'novita', taskId: SAMPLE_TASK };
/** The lease expires before the handler times out. */
const LONG_TIMEOUT = { timeoutMs: 1000 * LEASE };
const event = sampleEvents.imageSucceeded();

/** A store for several inboxes, like a database that several processes share. */
function createShared(clock: ManualClock): Store {
  const capabilities = { durable: true, shared: true, transactional: false };
  return { ...memoryStore({ clock }), capabilities };
}

describe('lease: worker that was suspended past its lease', () => {
  test('continues its attempt and does not start a second one', async () => {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock, leaseDurationMs: LEASE });
    const { receiver, settle } = setUp({ inbox, handlers: LONG_TIMEOUT }, clock);
    const gauge = createGauge();
    const finish = deferred();
    receiver.onTaskSucceeded(gauge.count(() => finish.promise));
    await settle(event);
    clock.skip(10 * LEASE);
    await settle(event); // a delivery makes the inbox poll
    await settle(sampleEvents.imageSucceeded({ taskId: 'another' }));
    await clock.advance(LEASE * 1.5);
    finish.resolve();
    await clock.advance(3 * LEASE);
    expect(gauge.most()).toBe(2); // the two tasks, once each
    expect((await receiver.inbox.get(KEY))?.state).toBe('done');
  });

  test('continues under the new fencing token if it reclaims the entry', async () => {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock, leaseDurationMs: LEASE });
    const { receiver, settle } = setUp({ inbox, handlers: LONG_TIMEOUT }, clock);
    const gauge = createGauge();
    const finish = deferred();
    let signal: AbortSignal | undefined;
    receiver.onTaskSucceeded({ taskType: 'TXT_TO_IMG' }, (_, context) =>
      gauge.count(() => {
        signal = context.signal;
        return finish.promise;
      })(),
    );
    await settle(event);
    clock.skip(LEASE + 1);
    await settle(sampleEvents.videoSucceeded({ taskId: 'another' })); // wakes the loop first
    clock.skip(LEASE / 2 + 1);
    await settle(sampleEvents.videoSucceeded({ taskId: 'a third' }));
    expect((await receiver.inbox.get(KEY))?.attempts).toBe(2); // claimed again
    expect([gauge.runs(), signal?.aborted]).toEqual([1, false]);
    await clock.advance(3 * LEASE); // heartbeats extend the new lease
    finish.resolve();
    await clock.flush();
    expect(gauge.runs()).toBe(1);
    expect((await receiver.inbox.get(KEY))?.state).toBe('done');
  });

  test('does not start a second attempt if the heartbeat runs before the poll', async () => {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock, leaseDurationMs: LEASE });
    const { receiver, settle } = setUp({ inbox, handlers: LONG_TIMEOUT }, clock);
    const gauge = createGauge();
    const finish = deferred();
    receiver.onTaskSucceeded(gauge.count(() => finish.promise));
    await settle(event);
    clock.skip(5 * LEASE);
    await clock.advance(5 * LEASE);
    expect(gauge.runs()).toBe(1);
    finish.resolve();
    await clock.advance(5 * LEASE);
    expect(gauge.most()).toBe(1);
    expect((await receiver.inbox.get(KEY))?.state).toBe('done');
  });

  test('aborts the attempt and records no outcome if another worker took over', async () => {
    const clock = createManualClock();
    const store = createShared(clock);
    const suspended = setUp(
      { inbox: pollingInbox(store, { clock, leaseDurationMs: LEASE }) },
      clock,
    );
    const ended = deferred();
    let signal: AbortSignal | undefined;
    suspended.receiver.onTaskSucceeded((_, context) => {
      signal = context.signal;
      return ended.promise;
    });
    await suspended.settle(event);
    const taken = await takeOver(store, clock, LEASE);
    expect(taken.attempts).toBe(2);
    await clock.advance(LEASE / 2);
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toMatchObject({ code: 'lease_lost' });
    ended.resolve();
    await clock.flush();
    expect((await store.get(KEY))?.state).toBe('running');
    expect((await suspended.receiver.stats()).outcomes).toMatchObject({ done: 0 });
    expect(await store.settle(taken, { type: 'done' })).toBe(true);
  });
});

describe('lease: claim that resolves late', () => {
  test('is not run if its lease expired and another worker runs the entry', async () => {
    const clock = createManualClock();
    const store = createShared(clock);
    const gauge = createGauge();
    const held = deferred();
    let slow = true;
    // The database has claimed the entry, but its answer takes longer than the lease.
    const slowStore: Store = {
      ...store,
      async claim(...args) {
        const claims = await store.claim(...args);
        if (slow && claims.length > 0) await held.promise;
        return claims;
      },
    };
    const a = setUp({ inbox: pollingInbox(slowStore, { clock, leaseDurationMs: LEASE }) }, clock);
    const b = setUp({ inbox: pollingInbox(store, { clock, leaseDurationMs: LEASE }) }, clock);
    const finish = deferred();
    const handler = gauge.count(() => finish.promise);
    a.receiver.onTaskSucceeded(handler);
    await a.settle(event);
    expect(gauge.running()).toBe(0);
    await clock.advance(LEASE + 1);
    b.receiver.onTaskSucceeded(handler);
    b.receiver.start();
    await clock.advance(LEASE);
    expect(gauge.running()).toBe(1); // in b
    slow = false;
    held.resolve(); // a's claim arrives with an outdated fencing token
    await clock.advance(1000);
    expect(gauge.most()).toBe(1);
    finish.resolve();
    await clock.advance(LEASE);
    expect(gauge.runs()).toBe(1);
    expect((await store.get(KEY))?.state).toBe('done');
  });

  test('has a lease that starts at the request, not at the response', async () => {
    const clock = createManualClock();
    const store = createShared(clock);
    const held = deferred();
    let extending = true;
    const slowStore: Store = {
      ...store,
      async claim(...args) {
        const claims = await store.claim(...args);
        if (claims.length > 0) await held.promise;
        return claims;
      },
      extend: async (...args) => {
        if (extending) throw new Error('connection refused');
        return store.extend(...args);
      },
    };
    const inbox = pollingInbox(slowStore, { clock, leaseDurationMs: LEASE });
    const a = setUp({ inbox, handlers: { concurrency: 1 } }, clock);
    let signal: AbortSignal | undefined;
    a.receiver.onTaskSucceeded((_, context) => {
      signal = context.signal;
      return new Promise(() => undefined);
    });
    await a.settle(event);
    await clock.advance(LEASE * 0.8);
    held.resolve();
    await clock.advance(LEASE * 0.1);
    expect(signal?.aborted).toBe(false);
    await clock.advance(LEASE * 0.4); // the lease in the store ended at 1.0, this is 1.3
    expect(await store.nextDueMs('novita')).toBe(0); // so others may have it
    expect(signal?.aborted).toBe(true);
    extending = false;
  });
});

describe('lease: lost', () => {
  test('aborts the signal, records no outcome, and the entry is attempted again', async () => {
    const clock = createManualClock();
    const inbox = createFakeInbox({ clock, leaseDurationMs: LEASE });
    const { receiver, settle, log } = setUp({ inbox }, clock);
    const signals: AbortSignal[] = [];
    const gauge = createGauge();
    const ends = [deferred(), deferred()];
    receiver.onTaskSucceeded((_, { signal }) => {
      signals.push(signal);
      return gauge.count(() => ends[signals.length - 1]?.promise)();
    });
    await settle(event);
    inbox.loseLeases();
    await clock.advance(LEASE / 2);
    expect(signals[0]?.reason).toMatchObject({ code: 'lease_lost' });
    ends[0]?.reject(new Error('too late'));
    await clock.flush();
    expect(log.messages('warn').join()).toContain('the outcome of the attempt was not recorded');
    expect((await inbox.get(KEY))?.state).toBe('running');
    expect((await receiver.stats()).outcomes).toEqual({ done: 0, retry: 0, dead: 0, released: 0 });
    await clock.advance(2 * LEASE);
    expect(gauge.runs()).toBe(2);
    ends[1]?.resolve();
    await clock.flush();
    expect((await inbox.get(KEY))?.state).toBe('done');
    expect(gauge.most()).toBe(1);
  });

  test('starts no second run while the first handler still runs', async () => {
    const clock = createManualClock();
    const inbox = createFakeInbox({ clock, leaseDurationMs: LEASE });
    const { receiver, settle } = setUp({ inbox, handlers: { timeoutMs: 10 * LEASE } }, clock);
    const gauge = createGauge();
    const end = deferred();
    receiver.onTaskSucceeded(gauge.count(() => end.promise));
    await settle(event);
    inbox.loseLeases();
    for (let part = 0; part < 10; part += 1) {
      await clock.advance(LEASE / 2);
      await settle(event); // further copies arrive
    }
    expect(gauge.runs()).toBe(1);
    end.resolve();
    await clock.advance(3 * LEASE);
    expect(gauge.runs()).toBe(1); // its success counts, although the lease was lost
    expect(await inbox.get(KEY)).toMatchObject({ state: 'done' });
  });
});

describe('lease: handler that never settles', () => {
  test('is not run a second time in its process after the lease was lost', async () => {
    const clock = createManualClock();
    const inbox = createFakeInbox({ clock, leaseDurationMs: LEASE });
    const { receiver, settle } = setUp({ inbox, handlers: { timeoutMs: 2 * LEASE } }, clock);
    const gauge = createGauge();
    receiver.onTaskSucceeded(gauge.count(() => new Promise(() => undefined)));
    await settle(event);
    inbox.loseLeases();
    await clock.advance(10 * LEASE);
    expect(gauge.most()).toBe(1);
  });
});

describe('lease: store that is down', () => {
  test('for less than a lease: the outcome is recorded when the store recovers', async () => {
    const clock = createManualClock();
    const inbox = createFakeInbox({ clock, leaseDurationMs: LEASE });
    const { receiver, settle } = setUp({ inbox }, clock);
    const gauge = createGauge();
    const end = deferred();
    receiver.onTaskSucceeded(gauge.count(() => end.promise));
    await settle(event);
    inbox.fail(new Error('connection refused'));
    end.resolve();
    await clock.advance(LEASE * 0.6);
    inbox.recover();
    await clock.advance(LEASE);
    expect(gauge.runs()).toBe(1);
    expect(await inbox.get(KEY)).toMatchObject({ state: 'done', attempts: 1 });
    expect((await receiver.stats()).outcomes.done).toBe(1);
  });

  test.each(['fails', 'stalls'])(
    'and %s for a whole lease: the signal aborts, the entry is attempted again',
    async (how) => {
      const clock = createManualClock();
      const inbox = createFakeInbox({ clock, leaseDurationMs: LEASE });
      const { receiver, settle } = setUp({ inbox }, clock);
      const gauge = createGauge();
      const signals: AbortSignal[] = [];
      receiver.onTaskSucceeded((_, { signal }) => {
        signals.push(signal);
        return gauge.count(
          () =>
            signals.length > 1 ||
            new Promise((__, reject) => {
              signal.addEventListener('abort', () => reject(new Error('stopped')));
            }),
        )();
      });
      await settle(event);
      if (how === 'fails') inbox.fail(new Error('connection refused'));
      else inbox.stall();
      await clock.advance(LEASE * 0.9);
      expect(signals[0]?.aborted).toBe(false);
      await clock.advance(LEASE * 0.5);
      expect(signals[0]?.reason).toMatchObject({ code: 'lease_lost' });
      expect(gauge.runs()).toBe(1);
      inbox.recover();
      await clock.advance(2 * LEASE);
      expect([gauge.runs(), gauge.most()]).toEqual([2, 1]);
      expect((await inbox.get(KEY))?.state).toBe('done');
    },
  );
});

describe('polling inbox: two processes with one store', () => {
  test('handle each event once', async () => {
    const clock = createManualClock();
    const store = createShared(clock);
    const handled: string[] = [];
    const setups = [1, 2].map(() => setUp({ inbox: pollingInbox(store, { clock }) }, clock));
    for (const { receiver } of setups) {
      receiver.onTaskSucceeded(({ task }) => handled.push(task.task_id));
    }
    const ids = Array.from({ length: 60 }, (_, index) => `task-${index}`);
    await Promise.all(
      setups.flatMap(({ deliver }) =>
        ids.map((taskId) => deliver(sampleEvents.imageSucceeded({ taskId }))),
      ),
    );
    await clock.advance(5000);
    expect(handled.sort()).toEqual([...ids].sort());
  });

  test('find within a second what the other process added', async () => {
    const clock = createManualClock();
    const store = createShared(clock);
    const web = setUp({ inbox: pollingInbox(store, { clock }) }, clock);
    const worker = setUp({ inbox: pollingInbox(store, { clock }) }, clock);
    const handled: string[] = [];
    worker.receiver.onTaskSucceeded(({ task }) => handled.push(task.task_id));
    worker.receiver.start();
    await clock.flush();
    await web.settle(event);
    expect(handled).toEqual([]);
    await clock.advance(1000);
    expect(handled).toEqual([SAMPLE_TASK]);
  });
});
