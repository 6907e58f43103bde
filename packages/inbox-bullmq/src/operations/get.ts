import type { Entry, EntryKey } from '@novita-webhooks/core';

import { toEntry } from '../bullmq/job.ts';
import { toJobId } from '../bullmq/names.ts';
import type { EntryJob } from '../bullmq/progress.ts';
import type { EndpointQueue } from '../bullmq/queues.ts';
import { readRecorded } from './record-succeeded.ts';

/** Looks an entry up. */
export async function get(queue: EndpointQueue, { taskId }: EntryKey): Promise<Entry | undefined> {
  const [entry] = await readEntries(queue, [toJobId(taskId)]);
  return entry ?? undefined;
}

/** The entries of jobs; `null` where there is no job, or no entry of ours. */
export async function readEntries(
  queue: EndpointQueue,
  ids: readonly string[],
): Promise<(Entry | null)[]> {
  if (ids.length === 0) return [];
  const active = new Set(await queue.run((bullmq) => bullmq.getRanges(['active'], 0, -1)));
  return Promise.all(
    ids.map(async (id) => {
      const job = await queue.job(id);
      return job === undefined ? null : readEntry(queue, job, active.has(id));
    }),
  );
}

/** The entry of a job, with the successes that were recorded beside it; `null` if it is none of ours. */
export async function readEntry(
  queue: EndpointQueue,
  job: EntryJob,
  isActive: boolean,
): Promise<Entry | null> {
  const { endpoint, leaseDurationMs } = queue;
  const recorded = await readRecorded(queue, job);
  return toEntry(job, { endpoint, isActive, leaseDurationMs, recorded });
}
