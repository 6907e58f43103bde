import type { EndpointQueue } from '../bullmq/queues.ts';
import type { Claimer } from './claim.ts';
import { countJobs, firstDelayed } from './stats.ts';

/** Time until a queue is looked at again that gave out less than was asked for, in milliseconds. */
const RECHECK_MS = 250;

/** Milliseconds until there may be something to claim; `null` when nothing is waiting. */
export async function nextDueMs(
  queue: EndpointQueue,
  { isShort, secondLookMs }: Pick<Claimer, 'isShort' | 'secondLookMs'>,
): Promise<number | null> {
  const [{ waiting, active }, delayed] = await Promise.all([countJobs(queue), firstDelayed(queue)]);
  // Jobs that wait although a claim found less than it asked for: the queue is paused or has a limit.
  const earliestMs = isShort() ? RECHECK_MS : 0;
  const lookMs = secondLookMs();
  const due = Math.min(
    waiting > 0 ? earliestMs : Infinity,
    delayed === Infinity ? Infinity : Math.max(0, delayed - Date.now()),
    active > 0 && lookMs > 0 ? lookMs : Infinity,
    active > 0 ? (queue.leaseDurationMs ?? RECHECK_MS) : Infinity,
  );
  return due === Infinity ? null : due;
}
