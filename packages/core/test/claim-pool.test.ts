import { setImmediate } from 'node:timers/promises';

import {
  memoryInbox,
  memoryStore,
  pollingInbox,
  RetryLaterError,
  type Store,
} from '@novita-webhooks/core';
import { createManualClock, sampleEvents } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { createGauge, deferred, SAMPLE_TASK, setUp } from './helpers.ts';

const LEASE = 30_000;
const KEY = { endpoint: 'novita', taskId: SAMPLE_TASK };
/** The lease expires before the handler times out. */
const LONG_TIMEOUT = { timeoutMs: 1000 * LEASE };
const event = sampleEvents.imageSucceeded();

/** A receiver with a store whose given methods are replaced. */
function setUpWith(change: (store: Store) => Partial<Store>) {
  const clock = createManualClock();
  const store = memoryStore({ clock });
  const inbox = pollingInbox({ ...store, ...change(store) }, { clock, leaseDurationMs: LEASE });
  return { store, ...setUp({ inbox, handlers: LONG_TIMEOUT }, clock) };
}

describe('claim pool: lease that expired on the clock of the worker only', () => {
  test('does not abort the attempt, whose success is recorded', async () => {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock, leaseDurationMs: LEASE });
    const { receiver, settle } = setUp({ inbox, handlers: LONG_TIMEOUT }, clock);
    const gauge = createGauge();
    const finish = deferred();
    const signals: AbortSignal[] = [];
    receiver.onTaskSucceeded((_, { signal }) => {
      signals.push(signal);
      return gauge.count(() => finish.promise)();
    });
    await settle(event);
    clock.skip(5 * LEASE);
    await clock.advance(LEASE / 2); // the heartbeat runs first
    expect(signals[0]?.aborted).toBe(false);
    finish.resolve();
    await clock.advance(3 * LEASE);
    expect(gauge.runs()).toBe(1);
    expect(await inbox.get(KEY)).toMatchObject({ state: 'done', attempts: 1 });
  });

  test('records a success when the store recovers, if the fencing token is valid', async () => {
    let down = false;
    const refuse = async () => Promise.reject(new Error('connection refused'));
    const { receiver, settle, clock, store } = setUpWith((store) => ({
      extend: (...args) => (down ? refuse() : store.extend(...args)),
      settle: (...args) => (down ? refuse() : store.settle(...args)),
      claim: (...args) => (down ? refuse() : store.claim(...args)),
    }));
    const gauge = createGauge();
    receiver.onTaskSucceeded(
      gauge.count(() => {
        down = true; // the handler succeeds, then the store is down for three leases
      }),
    );
    await settle(event);
    await clock.advance(3 * LEASE);
    expect((await store.get(KEY))?.state).toBe('running');
    down = false;
    await clock.advance(2 * LEASE);
    expect(gauge.runs()).toBe(1);
    expect((await store.get(KEY))?.state).toBe('done');
  });
});

describe('claim pool: process that stood still while a handler ran', () => {
  async function standStill() {
    const { receiver, settle, clock, store } = setUpWith(() => ({}));
    const gauge = createGauge();
    const finish = deferred();
    receiver.onTaskSucceeded(() => finish.promise);
    receiver.onTaskFinished(gauge.count(() => undefined));
    await settle(event);
    clock.skip(5 * LEASE); // no timer fires: the first handler ends before the next heartbeat
    return { clock, store, gauge, finish };
  }

  test('runs the next handler if no other worker has claimed the entry', async () => {
    const { store, gauge, finish } = await standStill();
    finish.resolve();
    await setImmediate();
    expect(gauge.runs()).toBe(1);
    expect((await store.get(KEY))?.state).toBe('done');
  });

  test('starts no other handler if another worker has the entry', async () => {
    const { clock, store, gauge, finish } = await standStill();
    await store.claim('novita', 1, LEASE); // grants one more heartbeat
    clock.skip(LEASE);
    expect(await store.claim('novita', 1, LEASE)).toMatchObject([{ isTakeover: true }]);
    finish.resolve();
    await setImmediate();
    expect(gauge.runs()).toBe(0);
  });
});

describe('claim pool: heartbeat that the store does not answer', () => {
  test('aborts the attempt before another worker can claim the entry', async () => {
    const clock = createManualClock();
    const store = memoryStore({ clock });
    const shared = { ...store, capabilities: { ...store.capabilities, shared: true } };
    const never = () => new Promise<never>(() => undefined);
    let isCutOff = false;
    const hangs: Store = {
      ...shared,
      claim: (...args) => (isCutOff ? never() : shared.claim(...args)),
      extend: never,
    };
    const options = { clock, leaseDurationMs: LEASE };
    const one = setUp({ inbox: pollingInbox(hangs, options), handlers: LONG_TIMEOUT }, clock);
    const other = setUp({ inbox: pollingInbox(shared, options), handlers: LONG_TIMEOUT }, clock);
    const signals: AbortSignal[] = [];
    one.receiver.onTaskSucceeded((_, { signal }) => {
      signals.push(signal);
      isCutOff = true;
      return never();
    });
    const seen: (boolean | undefined)[] = [];
    await one.settle(event);
    other.receiver.onTaskSucceeded(() => void seen.push(signals[0]?.aborted));
    other.receiver.start();
    await clock.advance(LEASE * 1.5 + 3000);
    expect(seen).toEqual([true]);
  });
});

describe('claim pool: heartbeat that fails because the entry was settled', () => {
  test('does not count as a lost lease: onDeadLetter is called', async () => {
    const settling = deferred();
    const { receiver, settle, clock } = setUpWith((store) => ({
      async settle(...args) {
        const settled = await store.settle(...args);
        await settling.promise; // settle resolves after the next heartbeat
        return settled;
      },
    }));
    const letters: string[] = [];
    receiver.onDeadLetter(({ reason }) => letters.push(reason));
    receiver.onTaskSucceeded(() => {
      throw Object.assign(new Error('no use'), { name: 'WebhookError', code: 'permanent' });
    });
    await settle(event);
    await clock.advance(LEASE * 0.9);
    settling.resolve();
    await clock.flush();
    expect(letters).toEqual([expect.stringContaining('no use')]);
    expect((await receiver.stats()).outcomes).toMatchObject({ dead: 1 });
  });
});

describe('claim pool: attempt of an event with a schema error', () => {
  test('does not settle the valid event that replaced it', async () => {
    let broken = true;
    const { receiver, settle, clock, store } = setUpWith((store) => ({
      settle: async (...args) => {
        if (broken) throw new Error('connection reset');
        return store.settle(...args);
      },
    }));
    const seen: string[] = [];
    receiver.onTaskFinished(({ task }) => seen.push(task.status));
    await settle(sampleEvents.schemaError({ taskId: SAMPLE_TASK }));
    await settle(event);
    broken = false;
    await clock.advance(3 * LEASE);
    expect(seen).toEqual(['TASK_STATUS_SUCCEED']);
    expect(await store.get(KEY)).toMatchObject({ state: 'done', schemaError: null });
  });
});

describe('poll loop: claim that takes longer than leaseDurationMs', () => {
  test('is logged as a warning', async () => {
    const { receiver, settle, clock, log } = setUpWith(() => ({
      claim: () => new Promise(() => undefined),
    }));
    receiver.onTaskSucceeded(() => undefined);
    await settle(event);
    await clock.advance(LEASE + 1);
    expect(log.messages('warn')).toEqual([
      expect.stringContaining('takes longer than leaseDurationMs'),
    ]);
  });
});

describe('claim pool: entry that is due before its settle resolved', () => {
  test('is attempted once the settle has resolved', async () => {
    let answer = deferred();
    const { receiver, settle, clock, store } = setUpWith((store) => ({
      capabilities: { ...store.capabilities, shared: true }, // polled every second
      async settle(...args) {
        const settled = await store.settle(...args);
        await answer.promise; // the store has committed but the answer is late
        return settled;
      },
    }));
    const gauge = createGauge();
    receiver.onTaskSucceeded(
      gauge.count(() => {
        if (gauge.runs() === 1) throw new RetryLaterError(10);
      }),
    );
    await settle(event);
    await clock.advance(2000); // long enough for the second claim
    expect(gauge.runs()).toBe(1);
    answer.resolve();
    answer = deferred();
    answer.resolve();
    await clock.advance(20);
    expect(gauge.runs()).toBe(2);
    expect(await store.get(KEY)).toMatchObject({ state: 'done', attempts: 2 });
  });
});
