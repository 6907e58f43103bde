import type { Claim, Inbox } from '@novita-webhooks/core';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';

import { findRedis } from '../../../test/support/services.ts';
import { bullmqStore } from '../src/bullmq-store.ts';
import { toStoreOptions } from '../src/options.ts';
import {
  afterwards,
  createTestEntry,
  stateOf,
  until,
  useConsumption,
  useInbox,
  usePlace,
} from './support/inbox.ts';
import type { Place } from './support/place.ts';

const url = (await findRedis('the locks of the BullMQ inbox')) ?? '';
const LEASE_MS = 400;

describe.skipIf(url === '')('lock', () => {
  test('an expired lock is lost, although no other worker has taken the job', async () => {
    const { store, claim, inbox } = await claimOne();
    await pause(LEASE_MS + 50);
    expect(await store.extend(claim, LEASE_MS)).toBe(false);
    expect(await store.settle(claim, { type: 'done' })).toBe(false);
    expect(await stateOf(inbox, claim)).not.toBe('done');
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
    const { store, claim, place } = await claimOne();
    const key = (suffix: string) => `${place.prefix}:novita-webhooks.novita:${suffix}`;
    await place.redis.del(key(`task-${claim.taskId}:lock`));
    await place.redis.lrem(key('active'), 0, `task-${claim.taskId}`);
    await place.redis.rpush(key('wait'), `task-${claim.taskId}`);
    expect(await store.extend(claim, LEASE_MS)).toBe(false);
    expect(await store.settle(claim, { type: 'done' })).toBe(false);
    const [again] = await store.claim('novita', 1, LEASE_MS);
    expect(again && (await store.settle(again, { type: 'done' }))).toBe(true);
    expect(again && (await store.settle(again, { type: 'done' }))).toBe(false);
  });

  test('the entry of a dead worker is taken over about a lease later, not before', async () => {
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
    expect(tookMs).toBeGreaterThan(LEASE_MS - 100);
    expect(tookMs).toBeLessThan(3 * LEASE_MS);
  });
});

/** An entry that a worker has claimed and never settles. */
async function claimOne(): Promise<{
  readonly store: ReturnType<typeof bullmqStore>;
  readonly claim: Claim;
  readonly inbox: Inbox;
  readonly place: Place;
}> {
  const place = usePlace(url);
  const inbox = useInbox(url, place, { leaseDurationMs: LEASE_MS });
  const options = { connection: url, prefix: place.prefix, leaseDurationMs: LEASE_MS };
  const store = bullmqStore(toStoreOptions(options));
  afterwards(() => store.close());
  await inbox.add(createTestEntry());
  const [claim] = await store.claim('novita', 1, LEASE_MS);
  if (claim === undefined) throw new Error('there should be something to claim');
  return { store, claim, inbox, place };
}
