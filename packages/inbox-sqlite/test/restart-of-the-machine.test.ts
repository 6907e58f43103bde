import { createManualClock, createTestEntry } from '@novita-webhooks/testing';
import { sqliteStore } from '@novita-webhooks/inbox-sqlite';
import { describe, expect, test } from 'vitest';

import { presentDrivers } from './support/drivers.ts';
import { temporaryFile } from './support/temporary-files.ts';

const LEASE_MS = 30_000;
const HOUR_MS = 3_600_000;
const RETRY = { type: 'retry', delayMs: 60_000, reason: 'not yet', succeededHandlers: [] } as const;

describe.each(presentDrivers.map((driver) => [driver.name, driver] as const))(
  'the machine restarts, on %s',
  (_, driver) => {
    /** A store on a machine that starts at a time of day. Its monotonic clock begins at 0. */
    function boot(path: string, bootId: string, startAt: number) {
      const clock = createManualClock(startAt);
      const monotonic = () => (clock.monotonic?.() ?? 0) - startAt;
      const options = { path, driver: driver.name, clock: { ...clock, monotonic, bootId } };
      return { clock, store: driver.use(() => sqliteStore(options)) };
    }

    /** Of two entries one was claimed and one is to be retried when the machine stops. */
    async function setUp() {
      const path = temporaryFile();
      const { clock, store } = boot(path, 'first', Date.UTC(2026, 2, 1));
      await clock.advance(HOUR_MS); // so that its monotonic clock is ahead of the next one
      const [running, retried] = [createTestEntry(), createTestEntry()];
      await store.add(retried);
      const [claim] = await store.claim('novita', 1, LEASE_MS);
      if (claim !== undefined) await store.settle(claim, RETRY);
      await store.add(running);
      const [lost] = await store.claim('novita', 1, LEASE_MS);
      await store.close();
      const restart = (afterMs: number) => boot(path, 'second', clock.now() + afterMs);
      return { lost, running, retried, restart };
    }

    test('leases and due times continue, and the time while it was off counts', async () => {
      const { running, retried, restart } = await setUp();
      const { store, clock } = restart(10_000);
      const claimedAfter: Record<string, number> = {};
      for (let second = 0; second < 60; second += 1) {
        for (const { taskId } of await store.claim('novita', 10, LEASE_MS)) {
          claimedAfter[taskId] = 1000 * second;
        }
        await clock.advance(1000);
      }
      expect(claimedAfter).toEqual({
        [running.taskId]: 1.5 * LEASE_MS - 10_000,
        [retried.taskId]: RETRY.delayMs - 10_000,
      });
      await store.close();
    });

    test('if its clock lost the time of day, the time of the inbox does not go back', async () => {
      const { lost, running, retried, restart } = await setUp();
      const { store, clock } = restart(-HOUR_MS / 2);
      expect(lost && (await store.extend(lost, LEASE_MS))).toBe(true);
      expect(await store.nextDueMs('novita')).toBe(LEASE_MS);
      await clock.advance(LEASE_MS);
      expect(await store.claim('novita', 10, LEASE_MS)).toEqual([]);
      await clock.advance(LEASE_MS / 2);
      const [taken] = await store.claim('novita', 10, LEASE_MS);
      expect([taken?.taskId, taken?.isTakeover]).toEqual([running.taskId, true]);
      await clock.advance(RETRY.delayMs);
      const claims = await store.claim('novita', 10, LEASE_MS);
      expect(claims.map(({ taskId }) => taskId)).toEqual([retried.taskId]);
      await store.close();
    });
  },
);
