import type { EndpointQueue } from '../bullmq/queues.ts';
import { countJobs, firstDelayed } from './stats.ts';

/** Time until a queue is looked at again that gave out less than was asked for, in milliseconds. */
const RECHECK_MS = 250;

/**
 * Milliseconds until there may be something to claim; `null` when nothing is waiting.
 *
 * @param isShort whether the last claim found less than it asked for: when jobs wait all the same, the
 * queue is paused or has a limit
 */
export async function nextDueMs(
  queue: EndpointQueue,
  isShort: boolean,
  leaseDurationMs: number,
): Promise<number | null> {
  const [{ waiting, active }, delayed] = await Promise.all([countJobs(queue), firstDelayed(queue)]);
  const earliestMs = isShort ? RECHECK_MS : 0;
  const due = Math.min(
    waiting > 0 ? earliestMs : Infinity,
    delayed === Infinity ? Infinity : Math.max(0, delayed - Date.now()),
    active > 0 ? leaseDurationMs : Infinity,
  );
  return due === Infinity ? null : due;
}
