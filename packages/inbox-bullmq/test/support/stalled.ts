import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';

/** One check for stalled jobs, as a BullMQ worker of its own would do it. */
export async function checkForStalled(
  redis: Redis,
  prefix: string,
  endpoints: readonly string[],
): Promise<void> {
  for (const endpoint of endpoints) {
    const connection = redis.duplicate({ maxRetriesPerRequest: null });
    const worker = new Worker(`novita-webhooks.${endpoint}`, null, {
      connection,
      prefix,
      maxStalledCount: 1e9,
      stalledInterval: 1e6,
    });
    worker.on('error', () => undefined);
    await worker.waitUntilReady();
    await worker.startStalledCheckTimer();
    // In BullMQ 6 the check goes on after the call. What is sent after it is answered after it.
    await new Promise((resolve) => setTimeout(resolve, 5));
    await connection.ping();
    await worker.close();
    connection.disconnect();
  }
}
