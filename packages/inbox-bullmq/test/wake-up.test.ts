import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';

import { findRedis } from '../../../test/support/services.ts';
import { createTestEntry, until, useConsumption, useInbox, usePlace } from './support/inbox.ts';

const url = (await findRedis('how soon the BullMQ inbox wakes up workers')) ?? '';
/** A worker that is woken up by polling is late. */
const POLL_MS = 60_000;

describe.skipIf(url === '')('wake-up', () => {
  test('a worker is notified of what another process has added', async () => {
    const place = usePlace(url);
    const web = useInbox(url, place, { pollIntervalMs: POLL_MS, leaseDurationMs: 30_000 });
    const worker = useInbox(url, place, { pollIntervalMs: POLL_MS, leaseDurationMs: 30_000 });
    const begun = new Map<string, number>();
    useConsumption(worker, async ({ taskId }) => {
      begun.set(taskId, performance.now());
      return { type: 'done' };
    });
    await pause(100);
    const delays: number[] = [];
    for (let count = 0; count < 50; count += 1) {
      const entry = createTestEntry();
      await web.add(entry);
      const addedAt = performance.now();
      await until('begun', () => begun.has(entry.taskId));
      delays.push(Math.max(0, (begun.get(entry.taskId) ?? 0) - addedAt));
      await pause(5);
    }
    const median = delays.sort((one, other) => one - other)[25] ?? Infinity;
    console.log(`from the acknowledgement to the handler: median ${median.toFixed(2)} ms`);
    expect(median).toBeLessThan(POLL_MS / 10); // some 2 ms on a quiet machine
  });

  test('a busy worker does not keep notifications from another process', async () => {
    const place = usePlace(url);
    const web = useInbox(url, place, { pollIntervalMs: POLL_MS, leaseDurationMs: 30_000 });
    const busy = useInbox(url, place, { pollIntervalMs: POLL_MS, leaseDurationMs: 30_000 });
    const idle = useInbox(url, place, { pollIntervalMs: POLL_MS, leaseDurationMs: 30_000 });
    let isBusy = false;
    useConsumption(
      busy,
      async (_, signal) => {
        isBusy = true;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return { type: 'released', delayMs: 0, succeededHandlers: [] };
      },
      { concurrency: 1 },
    );
    await web.add(createTestEntry());
    await until('busy', () => isBusy);
    let runs = 0;
    useConsumption(idle, async () => {
      runs += 1;
      return { type: 'done' };
    });
    await pause(100);
    for (let count = 1; count <= 10; count += 1) {
      const addedAt = performance.now();
      await web.add(createTestEntry());
      await until('run', () => runs === count);
      expect(performance.now() - addedAt).toBeLessThan(POLL_MS / 10);
    }
  });

  test('a busy worker does not keep notifications from another one in its process', async () => {
    const place = usePlace(url);
    const web = useInbox(url, place, { pollIntervalMs: POLL_MS, leaseDurationMs: 30_000 });
    const inbox = useInbox(url, place, { pollIntervalMs: POLL_MS, leaseDurationMs: 30_000 });
    const begun = new Set<string>();
    const long = createTestEntry();
    for (let count = 0; count < 2; count += 1) {
      useConsumption(
        inbox,
        async ({ taskId }, signal) => {
          begun.add(taskId);
          if (taskId === long.taskId) {
            await new Promise((resolve) => signal.addEventListener('abort', resolve));
          }
          return { type: 'done' };
        },
        { concurrency: 1 },
      );
    }
    await pause(100);
    for (const entry of [long, createTestEntry(), createTestEntry(), createTestEntry()]) {
      await web.add(entry);
      await until('begun', () => begun.has(entry.taskId), 2000);
      await pause(50);
    }
  });

  test('an inbox can be closed while BullMQ connects, without an unhandled rejection', async () => {
    const place = usePlace(url);
    for (let delayMs = 0; delayMs < 15; delayMs += 1) {
      const inbox = useInbox(url, place);
      useConsumption(inbox, async () => ({ type: 'done' }));
      await pause(delayMs);
      await inbox.close();
    }
    await pause(200); // an unhandled rejection fails the run
  });

  test('a worker is notified of a retry when it is due', async () => {
    const place = usePlace(url);
    const inbox = useInbox(url, place, { pollIntervalMs: POLL_MS, leaseDurationMs: 30_000 });
    const times: number[] = [];
    useConsumption(inbox, async () => {
      times.push(performance.now());
      if (times.length === 3) return { type: 'done' };
      return { type: 'retry', delayMs: 300, reason: 'not yet', succeededHandlers: [] };
    });
    await inbox.add(createTestEntry());
    await until('done', () => times.length === 3);
    const [first = 0, second = 0, third = 0] = times;
    for (const ms of [second - first, third - second]) {
      expect(ms).toBeGreaterThan(290);
      expect(ms).toBeLessThan(POLL_MS / 10);
    }
  });
});
