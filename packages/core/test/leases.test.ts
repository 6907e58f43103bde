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
/** So that it is the lease that ends, and not the handler's time. */
const PATIENT = { timeoutMs: 1000 * LEASE };
const event = sampleEvents.imageSucceeded();

/** One store under several inboxes: what several processes at one database are. */
function createShared(clock: ManualClock): Store {
  const capabilities = { durable: true, shared: true, transactional: false };
  return { ...memoryStore({ clock }), capabilities };
}

describe('a process that overslept its lease', () => {
  test('goes on with its own entry and does not run it twice at a time', async () => {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock, leaseDurationMs: LEASE });
    const { receiver, settle } = setUp({ inbox, handlers: PATIENT }, clock);
    const gauge = createGauge();
    const finish = deferred();
    receiver.onTaskSucceeded(gauge.count(() => finish.promise));
    await settle(event);
    clock.skip(10 * LEASE);
    await settle(event); // any delivery, which makes it look into the inbox again
    await settle(sampleEvents.imageSucceeded({ taskId: 'another' }));
    await clock.advance(LEASE * 1.5);
    finish.resolve();
    await clock.advance(3 * LEASE);
    expect(gauge.most()).toBe(2); // the two tasks, once each
    expect((await receiver.inbox.get(KEY))?.state).toBe('done');
  });

  test('adopts an entry that it claims anew, and its outcome counts', async () => {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock, leaseDurationMs: LEASE });
    const { receiver, settle } = setUp({ inbox, handlers: PATIENT }, clock);
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
    await clock.advance(3 * LEASE); // and kept alive from then on
    finish.resolve();
    await clock.flush();
    expect(gauge.runs()).toBe(1);
    expect((await receiver.inbox.get(KEY))?.state).toBe('done');
  });

  test('and hears of it before anything else: told, run again later, not twice at a time', async () => {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock, leaseDurationMs: LEASE });
    const { receiver, settle } = setUp({ inbox, handlers: PATIENT }, clock);
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

  test('while another took over: it is told, and what it settles does not count', async () => {
    const clock = createManualClock();
    const store = createShared(clock);
    const sleeper = setUp({ inbox: pollingInbox(store, { clock, leaseDurationMs: LEASE }) }, clock);
    const ended = deferred();
    let signal: AbortSignal | undefined;
    sleeper.receiver.onTaskSucceeded((_, context) => {
      signal = context.signal;
      return ended.promise;
    });
    await sleeper.settle(event);
    const taken = await takeOver(store, clock, LEASE);
    expect(taken.attempts).toBe(2);
    await clock.advance(LEASE / 2);
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toMatchObject({ code: 'lease_lost' });
    ended.resolve();
    await clock.flush();
    expect((await store.get(KEY))?.state).toBe('running');
    expect((await sleeper.receiver.stats()).outcomes).toMatchObject({ done: 0 });
    expect(await store.settle(taken, { type: 'done' })).toBe(true);
  });
});

describe('a claim that comes back late', () => {
  test('after its lease ended is not run while another process runs the entry', async () => {
    const clock = createManualClock();
    const store = createShared(clock);
    const gauge = createGauge();
    const held = deferred();
    let slow = true;
    // The database has leased the entry out, but its answer takes longer than the lease.
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
    held.resolve(); // a's claim arrives, with a fence that is no longer valid
    await clock.advance(1000);
    expect(gauge.most()).toBe(1);
    finish.resolve();
    await clock.advance(LEASE);
    expect(gauge.runs()).toBe(1);
    expect((await store.get(KEY))?.state).toBe('done');
  });

  test('late, but within its lease, is held no longer than the store says', async () => {
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

describe('a lease that was lost', () => {
  test('is told through the signal; the outcome does not count; the entry is run again', async () => {
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

  test('a handler that goes on regardless is not joined by a second run', async () => {
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
      await settle(event); // copies come in, too
    }
    expect(gauge.runs()).toBe(1);
    end.resolve();
    await clock.advance(3 * LEASE);
    expect(gauge.runs()).toBe(1); // its success counts, although the lease was lost
    expect(await inbox.get(KEY)).toMatchObject({ state: 'done' });
  });
});

describe('a handler that never settles', () => {
  test('is not joined by a second run in its process, also when its lease was lost', async () => {
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

describe('a store that is down', () => {
  test('for less than a lease costs nothing: the outcome is recorded when it is back', async () => {
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
    'and %s through a whole lease: told, and run again later',
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

describe('two processes at one store', () => {
  test('handle each event once between them', async () => {
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

  test('what one adds the other finds within a second', async () => {
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
