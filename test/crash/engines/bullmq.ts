import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { bullmqInbox } from '@novita-webhooks/inbox-bullmq';
import { Redis } from 'ioredis';

import type { Engine } from '../engine.ts';
import { watchCommands } from './watched-redis.ts';

const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379';

/** The queues of a series have a prefix of their own, and are removed with it. */
export const bullmq: Engine = {
  killPoints: [
    'deleteExpired',
    'commit',
    'committed',
    'claim',
    'answer',
    'handler',
    'handled',
    'settle',
    'random',
  ],
  shared: true,
  steadyTime: false,
  async createPlace(_, name) {
    const location = `novita-crash-${name}-${randomUUID()}`;
    return { location, remove: () => removeAll(location) };
  },
  async open(
    prefix,
    { watched, reach, leaseDurationMs, pollIntervalMs, cleanupIntervalMs, retention },
  ) {
    if (watched) watchCommands(reach);
    const inbox = bullmqInbox({
      connection: url,
      prefix,
      leaseDurationMs,
      pollIntervalMs,
      cleanupIntervalMs,
      retention,
    });
    await inbox.stats();
    return { inbox, addOld: (count) => addOld(prefix, count) };
  },
};

async function removeAll(prefix: string): Promise<void> {
  const redis = new Redis(url);
  for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: 1000 })) {
    if ((keys as string[]).length > 0) await redis.unlink(...(keys as string[]));
  }
  await redis.quit();
}

const OLD_MS = 10 * 24 * 60 * 60 * 1000;

/**
 * Through an inbox, at an endpoint that no worker consumes; then it is ten days ago. Its leases last:
 * with those of the test, a slow machine would begin its entries again and again.
 */
async function addOld(prefix: string, count: number): Promise<void> {
  const inbox = bullmqInbox({ connection: url, prefix });
  const endpoint = `old-${randomUUID()}`;
  const common = {
    ...{ endpoint, status: '', taskType: '', body: '{}', schemaError: null, metadata: {} },
    ...{ testMode: false, source: 'delivery', traceparent: null, tokenId: null },
  } as const;
  const ids = Array.from({ length: count }, (_, index) => String(index));
  await Promise.all(ids.map((taskId) => inbox.add({ ...common, taskId, receivedAt: 0 })));
  let settled = 0;
  const ignore = () => undefined;
  const consumption = inbox.consume(async () => ({ type: 'done' }), {
    endpoint,
    concurrency: 100,
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    onSettled: () => (settled += 1),
  });
  while (settled < count) await pause(10);
  await consumption.stop({ gracePeriodMs: 1000 });
  await inbox.close();
  const redis = new Redis(url);
  const then = Date.now() - OLD_MS;
  const key = `${prefix}:novita-webhooks.${endpoint}:completed`;
  await redis.zadd(key, ...ids.flatMap((id) => [then, `task-${id}`]));
  await redis.quit();
}
