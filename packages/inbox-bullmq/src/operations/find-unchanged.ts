import { isUnchanged, type Entry, type EntryTarget } from '@novita-webhooks/core';

import { toJobId } from '../bullmq/names.ts';
import type { EntryJob } from '../bullmq/progress.ts';
import type { EndpointQueue } from '../bullmq/queues.ts';
import { readEntry } from './get.ts';

/** An entry to act on. */
export interface Found {
  readonly entry: Entry;
  readonly job: EntryJob;
  /** BullMQ's. */
  readonly state: string;
}

/** `null` if there is no such entry, or it was replayed or finished since the target was listed. */
export async function findUnchanged(
  queue: EndpointQueue,
  target: EntryTarget,
): Promise<Found | null> {
  const id = toJobId(target.taskId);
  const [job, state] = await Promise.all([
    queue.job(id),
    queue.run((bullmq) => bullmq.getJobState(id)),
  ]);
  if (job === undefined) return null;
  const entry = await readEntry(queue, job, state === 'active');
  return entry !== null && isUnchanged(entry, target) ? { entry, job, state } : null;
}
