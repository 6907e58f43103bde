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
const PATIENT = { timeoutMs: 1000 * LEASE };
const event = sampleEvents.imageSucceeded();

/** A receiver over a store of which some calls are replaced. */
function setUpWith(change: (store: Store) => Partial<Store>) {
  const clock = createManualClock();
  const store = memoryStore({ clock });
  const inbox = pollingInbox({ ...store, ...change(store) }, { clock, leaseDurationMs: LEASE });
  return { store, ...setUp({ inbox, handlers: PATIENT }, clock) };
}

describe('a lease that has run out by our own clock only', () => {
  test('is still ours when nobody took it: the process stood still, its success counts', async () => {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock, leaseDurationMs: LEASE });
    const { receiver, settle } = setUp({ inbox, handlers: PATIENT }, clock);
    const gauge = createGauge();
    const finish = deferred();
    const signals: AbortSignal[] = [];
    receiver.onTaskSucceeded((_, { signal }) => {
      signals.push(signal);
      return gauge.count(() => finish.promise)();
    });
    await settle(event);
    clock.skip(5 * LEASE);
    await clock.advance(LEASE / 2); // the heartbeat is the first to wake up
    expect(signals[0]?.aborted).toBe(false);
    finish.resolve();
    await clock.advance(3 * LEASE);
    expect(gauge.runs()).toBe(1);
    expect(await inbox.get(KEY)).toMatchObject({ state: 'done', attempts: 1 });
  });

  test('does not undo a success: the fence decides when the store is back', async () => {
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
        down = true; // the handler succeeds, and then nothing gets through for three leases
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

describe('a lease that the store does not answer about', () => {
  test('ends for its holder when it ends for the others', async () => {
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
    const one = setUp({ inbox: pollingInbox(hangs, options), handlers: PATIENT }, clock);
    const other = setUp({ inbox: pollingInbox(shared, options), handlers: PATIENT }, clock);
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

describe('a heartbeat that is refused because the entry was settled meanwhile', () => {
  test('is no loss: the dead letter is told', async () => {
    const settling = deferred();
    const { receiver, settle, clock } = setUpWith((store) => ({
      async settle(...args) {
        const settled = await store.settle(...args);
        await settling.promise; // the answer takes longer than the next heartbeat
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

describe('a drifted event whose attempt is under way when the real one comes', () => {
  test('does not settle the real one, which is handled', async () => {
    let broken = true;
    const { receiver, settle, clock, store } = setUpWith((store) => ({
      settle: async (...args) => {
        if (broken) throw new Error('connection reset');
        return store.settle(...args);
      },
    }));
    const seen: string[] = [];
    receiver.onTaskFinished(({ task }) => seen.push(task.status));
    await settle(sampleEvents.drifted({ taskId: SAMPLE_TASK }));
    await settle(event);
    broken = false;
    await clock.advance(3 * LEASE);
    expect(seen).toEqual(['TASK_STATUS_SUCCEED']);
    expect(await store.get(KEY)).toMatchObject({ state: 'done', schemaError: null });
  });
});

describe('a claim that takes longer than a lease', () => {
  test('is complained of, since nothing is handled meanwhile', async () => {
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

describe('an entry that is due again before its settle was answered', () => {
  test('is attempted again at once, and not beside the attempt before', async () => {
    let answer = deferred();
    const { receiver, settle, clock, store } = setUpWith((store) => ({
      capabilities: { ...store.capabilities, shared: true }, // looked at every second
      async settle(...args) {
        const settled = await store.settle(...args);
        await answer.promise; // a store that syncs, or a network: committed, and not answered yet
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
