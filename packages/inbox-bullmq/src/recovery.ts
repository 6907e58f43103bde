import type { Connection } from './connection.ts';
import type { Queue } from './queues.ts';

/**
 * Looks regularly for jobs whose worker is gone, with BullMQ's own check: what it finds without a
 * lock twice in a row goes back to the front of the queue. One process of all does it at a time.
 */
export function watchForStalled(
  connection: Connection,
  queue: Queue,
  checkMs: number,
  heard: () => void,
): () => void {
  let isStopped = false;
  let timer: NodeJS.Timeout;

  async function check(): Promise<void> {
    try {
      const stalled = await connection.run(() => queue.bullmq.moveStalledJobsToWait());
      if (stalled.length > 0) heard();
    } catch {
      // The claims fail for the same reason, and log it.
    }
    if (!isStopped) timer = setTimeout(() => void check(), checkMs);
  }

  void check();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
