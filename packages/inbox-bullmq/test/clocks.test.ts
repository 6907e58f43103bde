import type { Store } from '@novita-webhooks/core';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { findRedis } from '../../../test/support/services.ts';
import { bullmqStore } from '../src/bullmq-store.ts';
import { toStoreOptions } from '../src/options.ts';
import { afterwards, createTestEntry, silent, usePlace } from './support/inbox.ts';

const url = (await findRedis('clocks that differ from that of Redis')) ?? '';
const AHEAD_MS = 300_000;
const LEASE_MS = 30_000;
const again = {
  type: 'retry',
  delayMs: AHEAD_MS - 60_000,
  reason: 'later',
  succeededHandlers: [],
} as const;

describe.skipIf(url === '')('a worker whose clock is ahead', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() }));
  afterEach(() => void vi.useRealTimers());

  test('says so, and takes nothing before it is due', async () => {
    const { fast, right, warnings } = await useTwo();
    expect(warnings).toEqual([expect.stringMatching(/clock of this machine/)]);
    const entry = createTestEntry();
    await right.add(entry);
    const [claim] = await right.claim('novita', 1, LEASE_MS);
    expect(claim && (await right.settle(claim, again))).toBe(true);
    await by(AHEAD_MS, async () => {
      expect(await fast.claim('novita', 1, LEASE_MS)).toEqual([]);
      expect(await fast.nextDueMs('novita')).toBeGreaterThan(again.delayMs - 10_000);
    });
    expect((await right.get(entry))?.attempts).toBe(1);
  });

  test('delays by the clock of Redis, and forgets nothing too early', async () => {
    const { fast, right } = await useTwo();
    const [done, later] = [createTestEntry(), createTestEntry()];
    for (const entry of [done, later]) await right.add(entry);
    const claims = await right.claim('novita', 2, LEASE_MS);
    await by(AHEAD_MS, async () => {
      const [first, second] = claims;
      expect(first && (await fast.settle(first, { type: 'done' }))).toBe(true);
      expect(second && (await fast.settle(second, again))).toBe(true);
      expect(await fast.deleteExpired({ doneMs: again.delayMs, deadMs: again.delayMs })).toBe(0);
    });
    expect((await right.get(done))?.finishedAt).toBeLessThan(Date.now() + 10_000);
    expect(await right.nextDueMs('novita')).toBeLessThan(again.delayMs + 10_000);
  });

  test('and has only just become so, gives back what others can take at once', async () => {
    const { right } = await useTwo();
    const entry = createTestEntry();
    await right.add(entry);
    for (const type of ['released', 'retry'] as const) {
      const [claim] = await right.claim('novita', 1, LEASE_MS);
      const outcome = { type, delayMs: 0, reason: 'no time', succeededHandlers: [] };
      await by(AHEAD_MS, async () => {
        expect(claim && (await right.settle(claim, outcome))).toBe(true);
      });
      expect(await right.nextDueMs('novita')).toBe(0);
      expect((await right.stats()).lagMs).toBeLessThan(10_000);
    }
    expect(await right.claim('novita', 1, LEASE_MS)).toHaveLength(1);
  });
});

async function by(aheadMs: number, work: () => Promise<void>): Promise<void> {
  const now = Date.now();
  vi.setSystemTime(now + aheadMs);
  await work();
  vi.setSystemTime(now);
}

async function useTwo(): Promise<{
  readonly fast: Store;
  readonly right: Store;
  readonly warnings: readonly string[];
}> {
  const { prefix } = usePlace(url);
  const [fast, right] = [0, 1].map(() => {
    const store = bullmqStore(
      toStoreOptions({ connection: url, prefix, leaseDurationMs: LEASE_MS }),
    );
    afterwards(() => store.close());
    return store;
  }) as [Store, Store];
  const warnings: string[] = [];
  const warn = (_: unknown, message: string) => {
    if (message.includes('clock')) warnings.push(message);
  };
  await right.stats();
  await by(AHEAD_MS, async () => {
    fast.open?.({ ...silent, warn });
    await fast.stats();
  });
  return { fast, right, warnings };
}
