import { QueueKeys, RedisConnection, RedisQueueBackend } from 'bullmq';
import type { Redis } from 'ioredis';

/** One check for stalled jobs, as a BullMQ worker of its own would do it. */
export async function checkForStalled(
  redis: Redis,
  prefix: string,
  endpoints: readonly string[],
): Promise<void> {
  const connection = new RedisConnection(redis, { shared: true, blocking: false });
  connection.on('error', () => undefined);
  await connection.client;
  const keys = new QueueKeys(prefix);
  for (const endpoint of endpoints) {
    const queue = `novita-webhooks.${endpoint}`;
    const toKey = (suffix: string) => keys.toKey(queue, suffix);
    const options = { connection: redis, prefix, maxStalledCount: 1e9, stalledInterval: 1000 };
    const arguments_ = [connection, queue, keys.getKeys(queue), toKey, options] as const;
    await new RedisQueueBackend(...arguments_, undefined, false).moveStalledJobsToWait();
  }
  await connection.close();
}
