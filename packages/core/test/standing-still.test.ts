import { memoryInbox, memoryStore, pollingInbox, type Store } from '@novita-webhooks/core';
import { createManualClock, sampleEvents } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { createGauge, deferred, SAMPLE_TASK, setUp, takeOver } from './helpers.ts';

const LEASE = 30_000;
const KEY = { endpoint: 'novita', taskId: SAMPLE_TASK };
const event = sampleEvents.imageSucceeded();
const PATIENT = { timeoutMs: 1000 * LEASE };
/** The default delay is random, up to 18 s after the third attempt. */
const retry = { delay: () => 1000 };

/** A receiver on a store that other processes share. */
function setUpShared(changes: Partial<Store> = {}) {
  const clock = createManualClock();
  const memory = memoryStore({ clock });
  const store = { ...memory, capabilities: { ...memory.capabilities, shared: true } };
  const inbox = pollingInbox({ ...store, ...changes }, { clock, leaseDurationMs: LEASE });
  return { ...setUp({ inbox, retry, handlers: PATIENT }, clock), store };
}

describe('worker: a success whose lease was taken over', () => {
  test('counts, so the handler does not run again', async () => {
    const { receiver, settle, store, clock, log } = setUpShared();
    const gauge = createGauge();
    const finish = deferred();
    receiver.onTaskSucceeded(gauge.count(() => finish.promise));
    await settle(event);
    await takeOver(store, clock, LEASE); // by a process that then dies
    finish.resolve();
    await clock.flush();
    expect(await store.get(KEY)).toMatchObject({ state: 'running', attempts: 2 });
    await clock.advance(2 * LEASE);
    expect(gauge.runs()).toBe(1);
    expect(await store.get(KEY)).toMatchObject({ state: 'done', attempts: 3 });
    expect(log.messages('warn')).toContainEqual(
      expect.stringContaining('only the succeeded handlers of the attempt were recorded'),
    );
  });

  test('counts for each handler: only the one that failed runs again', async () => {
    const { receiver, settle, store, clock } = setUpShared();
    const runs: string[] = [];
    const finish = deferred();
    receiver.onTaskSucceeded(async () => {
      runs.push('one');
      await finish.promise;
    });
    receiver.onTaskFinished(() => {
      runs.push('two');
      if (runs.length === 2) throw new Error('not yet');
    });
    await settle(event);
    clock.skip(LEASE + 1);
    await store.claim('novita', 1, LEASE);
    clock.skip(LEASE / 2 + 1);
    await store.claim('novita', 1, LEASE);
    finish.resolve();
    await clock.advance(2 * LEASE);
    expect(runs).toEqual(['one', 'two', 'two']);
    expect((await store.get(KEY))?.state).toBe('done');
  });

  test('cannot be recorded while the store fails: a warning', async () => {
    const { receiver, settle, store, clock, log } = setUpShared({
      recordSucceeded: async () => Promise.reject(new Error('connection reset')),
    });
    const finish = deferred();
    receiver.onTaskSucceeded(() => finish.promise);
    await settle(event);
    await takeOver(store, clock, LEASE);
    finish.resolve();
    await clock.flush();
    expect(log.lines).toContainEqual({
      level: 'warn',
      details: expect.objectContaining({ error: 'Error: connection reset' }) as unknown,
      message: expect.stringContaining('outcome of the attempt was not recorded') as unknown,
    });
  });
});

describe('worker: an event loop that stands still', () => {
  const stalls = (log: ReturnType<typeof setUp>['log']) =>
    log.lines.filter(({ message }) => message.includes('the event loop stood still'));

  test('for longer than the lease is reported once, with the time', async () => {
    const { receiver, settle, clock, log } = setUpShared();
    receiver.onTaskSucceeded(() => clock.skip(1.6 * LEASE));
    await settle(event);
    await clock.advance(LEASE);
    expect(stalls(log)).toEqual([
      {
        level: 'warn',
        details: { taskId: SAMPLE_TASK, stalledMs: 48_000, leaseDurationMs: LEASE },
        message: expect.stringContaining(
          'stood still for 48000 ms, longer than the lease of 30000 ms',
        ) as unknown,
      },
    ]);
  });

  test('is reported by the heartbeat while the handler goes on', async () => {
    const { receiver, settle, clock, log } = setUpShared();
    receiver.onTaskSucceeded(() => new Promise(() => undefined));
    await settle(event);
    clock.skip(2 * LEASE);
    await clock.advance(LEASE);
    expect(stalls(log)).toHaveLength(1);
  });

  test('for less than the lease is not reported', async () => {
    const { receiver, settle, clock, log } = setUpShared();
    receiver.onTaskSucceeded(() => clock.skip(0.9 * LEASE));
    await settle(event);
    await clock.advance(LEASE);
    expect(stalls(log)).toEqual([]);
  });
});

describe('core: the clock of the machine is set', () => {
  const HOUR = 3_600_000;

  test.each([-HOUR, HOUR])('a retry keeps its delay: by %i ms', async (ms) => {
    const { receiver, settle, clock } = setUp({ retry: { delay: () => 300 } });
    const attempts: number[] = [];
    receiver.onTaskSucceeded((_, { attempt }) => {
      attempts.push(attempt);
      if (attempt === 1) throw new Error('not yet');
    });
    await settle(event);
    clock.jump(ms);
    await clock.advance(299);
    expect(attempts).toEqual([1]);
    await clock.advance(2);
    expect(attempts).toEqual([1, 2]);
  });

  test.each([-HOUR, HOUR])('a lease keeps its length: by %i ms', async (ms) => {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock, leaseDurationMs: LEASE });
    const { receiver, settle } = setUp({ inbox, handlers: PATIENT }, clock);
    const gauge = createGauge();
    let signal: AbortSignal | undefined;
    receiver.onTaskSucceeded((_, context) => {
      signal = context.signal;
      return gauge.count(() => new Promise(() => undefined))();
    });
    await settle(event);
    clock.jump(ms);
    await clock.advance(5 * LEASE);
    expect([gauge.runs(), signal?.aborted]).toEqual([1, false]);
    expect(await inbox.get(KEY)).toMatchObject({ state: 'running', attempts: 1 });
  });

  test('a body gets no more time than its limit', async () => {
    const { receiver, clock } = setUp({ limits: { bodyTimeoutMs: 3000 } });
    async function* slowBody() {
      for (;;) {
        yield '{';
        await new Promise<void>((resolve) => void clock.after(1000, resolve));
      }
    }
    const { url } = await receiver.createCallback();
    let status: number | undefined;
    void receiver
      .handle({ method: 'POST', url, headers: {}, body: slowBody() })
      .then((reply) => (status = reply.status));
    await clock.flush();
    clock.jump(-HOUR);
    await clock.advance(2900);
    expect(status).toBeUndefined();
    await clock.advance(200);
    expect(status).toBe(408);
  });

  test('close waits no longer than its grace period', async () => {
    const { receiver, settle, clock } = setUp();
    receiver.onTaskSucceeded(
      (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    );
    await settle(event);
    let isClosed = false;
    void receiver.close({ gracePeriodMs: 2000 }).then(() => (isClosed = true));
    clock.jump(-HOUR);
    await clock.advance(2100);
    expect(isClosed).toBe(true);
  });
});
