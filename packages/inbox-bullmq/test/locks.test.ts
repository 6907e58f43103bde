import type { Claim, Inbox, Outcome, Store } from '@novita-webhooks/core';
import { Job, Queue, Worker } from 'bullmq';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { findRedis } from '../../../test/support/services.ts';
import {
  afterwards,
  createTestEntry,
  stateOf,
  until,
  useConsumption,
  useInbox,
  usePlace,
  useStore,
} from './support/inbox.ts';
import type { Place } from './support/place.ts';

const url = (await findRedis('the locks of the BullMQ inbox')) ?? '';
const LEASE_MS = 400;
/** Longer than any test. */
const LONG_MS = 600_000;
const retry = { type: 'retry', delayMs: 0, reason: 'not yet' } as const;

describe.skipIf(url === '')('lock', () => {
  test('an expired lock is in doubt for a heartbeat, and refused for an outcome', async () => {
    const { store, claim, inbox } = await claimOne();
    await pause(LEASE_MS + 50);
    await expect(store.extend(claim, LEASE_MS)).rejects.toThrow(/has expired/);
    expect(await store.settle(claim, { type: 'done' })).toBe(false);
    expect(await stateOf(inbox, claim)).not.toBe('done');
  });

  test('an expired lock comes back from the first look of another worker', async () => {
    const { store, claim, inbox, place } = await claimOne(LONG_MS);
    const other = useStore(url, place);
    await endLock(place, claim);
    expect(await other.claim('novita', 1, LONG_MS)).toEqual([]);
    expect(await store.extend(claim, LONG_MS)).toBe(true);
    expect((await inbox.get(claim))?.attempts).toBe(1);
    expect(await store.settle(claim, { ...retry, succeededHandlers: ['one'] })).toBe(true);
    const [next] = await other.claim('novita', 1, LONG_MS);
    expect(next).toMatchObject({ attempts: 2, succeededHandlers: ['one'], isTakeover: false });
  });

  test('an expired lock is lost when another worker has taken the job', async () => {
    const { store, claim, inbox } = await claimOne();
    const held: Claim[] = [];
    useConsumption(inbox, async (entry) => {
      held.push(entry as Claim);
      await pause(500);
      return { type: 'done' };
    });
    await until('taken', () => held.length === 1);
    expect(held[0]?.attempts).toBe(2);
    expect(await store.extend(claim, LEASE_MS)).toBe(false);
    expect(await store.settle(claim, { type: 'dead', reason: 'late', succeededHandlers: [] })).toBe(
      false,
    );
    await until('done', async () => (await stateOf(inbox, claim)) === 'done');
  });

  test('a lock is lost when the job is back in the queue, or settled', async () => {
    const { store, claim, place } = await claimOne(LONG_MS);
    await endLock(place, claim);
    expect(await store.settle(claim, { type: 'done' })).toBe(false);
    expect(await store.claim('novita', 1, LONG_MS)).toEqual([]);
    await endLock(place, claim);
    const [again] = await store.claim('novita', 1, LONG_MS);
    expect(await store.extend(claim, LONG_MS)).toBe(false);
    expect(again && (await store.settle(again, { type: 'done' }))).toBe(true);
    expect(again && (await store.settle(again, { type: 'done' }))).toBe(false);
  });

  test('a job that a process took and lost before it ran it spends no attempt', async () => {
    const { store, claim, place } = await claimOne(LONG_MS);
    const connection = place.redis.duplicate({ maxRetriesPerRequest: null });
    const options = { connection, prefix: place.prefix, autorun: false };
    const worker = new Worker('novita-webhooks.novita', null, options);
    afterwards(async () => {
      await worker.close();
      connection.disconnect();
    });
    for (let crash = 0; crash < 3; crash += 1) {
      await endLock(place, claim);
      expect(await store.claim('novita', 1, LONG_MS)).toEqual([]);
      await endLock(place, claim);
      expect(await worker.getNextJob('a token', { block: false })).toBeDefined();
    }
    await endLock(place, claim);
    expect(await store.claim('novita', 1, LONG_MS)).toEqual([]);
    for (const attempts of [2, 3]) {
      await endLock(place, claim);
      const [taken] = await store.claim('novita', 1, LONG_MS);
      expect(taken).toMatchObject({ isTakeover: true, attempts });
      await endLock(place, claim);
      expect(await store.claim('novita', 1, LONG_MS)).toEqual([]);
    }
  });

  test('the entry of a dead worker is taken over not before a lease and a half', async () => {
    const { claim, inbox } = await claimOne();
    const startedAt = performance.now();
    let attempts = 0;
    useConsumption(inbox, async (entry) => {
      attempts = entry.attempts;
      return { type: 'done' };
    });
    await until('done', async () => (await stateOf(inbox, claim)) === 'done');
    const tookMs = performance.now() - startedAt;
    expect(attempts).toBe(2);
    expect(tookMs).toBeGreaterThan(1.5 * LEASE_MS - 100);
  });

  test.each<['done' | 'dead', Outcome, 'moveToCompleted' | 'moveToFailed']>([
    ['done', { type: 'done' }, 'moveToCompleted'],
    ['dead', { type: 'dead', reason: 'broken', succeededHandlers: [] }, 'moveToFailed'],
  ])(
    'a process that ends within a settle as %s leaves the outcome',
    async (state, outcome, move) => {
      const { store, claim, place } = await claimSecond();
      onTestFinished(() => void vi.restoreAllMocks());
      vi.spyOn(Job.prototype, move).mockRejectedValueOnce(new Error('the process ended'));
      await expect(store.settle(claim, outcome)).rejects.toThrow();
      await expireLock(place, claim);
      const inbox = useInbox(url, place);
      const attempts: number[] = [];
      useConsumption(inbox, async (entry) => {
        attempts.push(entry.attempts);
        return { type: 'done' };
      });
      await until(state, async () => (await stateOf(inbox, claim)) === state);
      const reason = state === 'dead' ? 'broken' : null;
      expect(await inbox.get(claim)).toMatchObject({ attempts: 2, replays: 0, reason });
      await until('replayed', () => inbox.replay(claim));
      await until('run', () => attempts.length > 0);
      expect(attempts).toEqual([1]);
      await until('done', async () => (await stateOf(inbox, claim)) === 'done');
      expect(await inbox.get(claim)).toMatchObject({ attempts: 1, replays: 1, reason: null });
    },
  );

  test('an outcome is recorded although the lock ends within the settle', async () => {
    const { store, claim, place } = await claimSecond();
    const inbox = useInbox(url, place);
    const move = Job.prototype.moveToCompleted;
    onTestFinished(() => void vi.restoreAllMocks());
    let runs = 0;
    vi.spyOn(Job.prototype, 'moveToCompleted').mockImplementationOnce(async function (
      this: Job,
      ...args
    ) {
      await expireLock(place, claim);
      useConsumption(inbox, async () => {
        runs += 1;
        return { type: 'done' };
      });
      await until('moved by another worker', async () => (await stateOf(inbox, claim)) === 'done');
      return move.apply(this, args);
    });
    expect(await store.settle(claim, { type: 'done' })).toBe(true);
    await until('moved', async () => (await inbox.list({ states: ['done'] })).entries.length === 1);
    expect(await inbox.get(claim)).toMatchObject({ attempts: 2, replays: 0 });
    expect(runs).toBe(0);
  });

  test('an entry whose lock ends while entries are listed is in the list', async () => {
    const { claim, inbox, place } = await claimOne(LONG_MS);
    const getRanges = Queue.prototype.getRanges;
    onTestFinished(() => void vi.restoreAllMocks());
    vi.spyOn(Queue.prototype, 'getRanges').mockImplementationOnce(async function (
      this: Queue,
      ...args
    ) {
      const ids = await getRanges.apply(this, args);
      await endLock(place, claim);
      return ids;
    });
    const { entries } = await inbox.list({ states: ['pending', 'running'] });
    expect(entries.map(({ taskId }) => taskId)).toEqual([claim.taskId]);
  });
});

/** The second attempt of an entry: its outcome is noted before the job is moved. */
async function claimSecond(): ReturnType<typeof claimOne> {
  const first = await claimOne(LONG_MS);
  await first.store.settle(first.claim, { ...retry, succeededHandlers: [] });
  const [claim] = await first.store.claim('novita', 1, LONG_MS);
  if (claim === undefined) throw new Error('the entry should be due again');
  return { ...first, claim };
}

/** Lets a worker with a short lease find out soon: the check for stalled jobs of a long one holds others off. */
async function expireLock({ prefix, redis }: Place, { taskId }: Claim): Promise<void> {
  const key = (suffix: string) => `${prefix}:novita-webhooks.novita:${suffix}`;
  await redis.del(key(`task-${taskId}:lock`), key('stalled-check'));
}

/** As if the lock had expired, and the check for stalled jobs had put the job back. */
async function endLock({ prefix, redis }: Place, { taskId }: Claim): Promise<void> {
  const key = (suffix: string) => `${prefix}:novita-webhooks.novita:${suffix}`;
  await redis.del(key(`task-${taskId}:lock`));
  await redis.lrem(key('active'), 0, `task-${taskId}`);
  await redis.rpush(key('wait'), `task-${taskId}`);
}

/** An entry that a worker has claimed and never settles. */
async function claimOne(leaseDurationMs = LEASE_MS): Promise<{
  readonly store: Store;
  readonly claim: Claim;
  readonly inbox: Inbox;
  readonly place: Place;
}> {
  const place = usePlace(url);
  const inbox = useInbox(url, place, { leaseDurationMs });
  const store = useStore(url, place, { commandTimeoutMs: 60_000 });
  await inbox.add(createTestEntry());
  const [claim] = await store.claim('novita', 1, leaseDurationMs);
  if (claim === undefined) throw new Error('there should be something to claim');
  return { store, claim, inbox, place };
}
