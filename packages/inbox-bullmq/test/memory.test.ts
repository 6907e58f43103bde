import type { Claim, Store } from '@novita-webhooks/core';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';

import { bullmqStore } from '../src/bullmq-store.ts';
import { toStoreOptions } from '../src/options.ts';
import { afterwards, createTestEntry } from './support/inbox.ts';
import { hasRedisServer, startRedisServer } from './support/redis-server.ts';

const LEASE_MS = 300;
const suite = describe.skipIf(!hasRedisServer('what works when the memory of Redis is used up'));

suite('maxmemory', () => {
  test('an entry can be settled within its lease, and its lease not be extended', async () => {
    const { store, claims, fill } = await useStore(2);
    const [quick, slow] = claims as [Claim, Claim];
    await fill();
    await expect(store.add(createTestEntry())).rejects.toMatchObject({ code: 'inbox_full' });
    expect(await store.settle(quick, { type: 'done' })).toBe(true);
    await expect(store.extend(slow, LEASE_MS)).rejects.toMatchObject({ code: 'inbox_full' });
    expect(await store.stats()).toMatchObject({ done: 1, running: 1 });
  });

  test('entries can be read, discarded and deleted', async () => {
    const { store, claims, fill } = await useStore(2);
    const [dead, other] = claims as [Claim, Claim];
    for (const claim of [dead, other]) {
      await store.settle(claim, { type: 'dead', reason: 'no use', succeededHandlers: [] });
    }
    await fill();
    expect((await store.get(dead))?.state).toBe('dead');
    expect((await store.list()).entries).toHaveLength(3);
    expect(await store.stats()).toMatchObject({ pending: 1, dead: 2 });
    expect(await store.nextDueMs('novita')).toBe(0);
    expect(await store.discardEntries([{ endpoint: other.endpoint, taskId: other.taskId }])).toBe(
      1,
    );
    await pause(5);
    // There is nothing done: that must not keep it from what is dead.
    expect(await store.deleteExpired({ doneMs: 1, deadMs: 1 })).toBe(1);
    expect((await store.list()).entries).toHaveLength(1);
  });
});

/** With one entry more than are claimed. */
async function useStore(claimed: number): Promise<{
  readonly store: Store;
  readonly claims: readonly Claim[];
  fill(): Promise<unknown>;
}> {
  const server = await startRedisServer();
  afterwards(server.close);
  const store = bullmqStore(toStoreOptions({ connection: server.url }));
  afterwards(() => store.close());
  for (let count = 0; count <= claimed; count += 1) await store.add(createTestEntry());
  const claims = await store.claim('novita', claimed, LEASE_MS);
  return { store, claims, fill: () => server.redis.config('SET', 'maxmemory', '1mb') };
}
