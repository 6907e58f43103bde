import type { Entry, EntryTarget } from '@novita-webhooks/core';

import { toEntry } from '../bullmq/job.ts';
import { toJobId } from '../bullmq/names.ts';
import type { EntryJob } from '../bullmq/progress.ts';
import type { EndpointQueue } from '../bullmq/queues.ts';
import { readRecorded } from './record-succeeded.ts';

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
  const { endpoint, leaseDurationMs } = queue;
  const recorded = await readRecorded(queue, job);
  const isActive = state === 'active';
  const entry = toEntry(job, { endpoint, isActive, leaseDurationMs, recorded });
  if (entry === null) return null;
  const { replays = entry.replays, finishedAt = entry.finishedAt } = target;
  return entry.replays === replays && entry.finishedAt === finishedAt
    ? { entry, job, state }
    : null;
}
