import type { ClaimRef } from '@novita-webhooks/core';

import { nonceOf } from '../bullmq/job.ts';
import type { Held } from '../bullmq/lock.ts';
import { seriesOf, type EntryJob } from '../bullmq/progress.ts';
import type { EndpointQueue } from '../bullmq/queues.ts';

/**
 * Notes successes whose lock is lost, in a set of ours: BullMQ's own fields belong to the holder, who
 * would overwrite them. Each name is kept with the event and the series, so that it fits no other.
 */
export async function recordSucceeded(
  queue: EndpointQueue,
  { lock }: ClaimRef & Partial<Held>,
  names: readonly string[],
): Promise<boolean> {
  if (lock === undefined || names.length === 0) return false;
  const id = String(lock.job.id);
  const job = await queue.job(id);
  const series = seriesKeyOf(lock.job);
  if (job === undefined || seriesKeyOf(job) !== series) return false;
  const members = names.map((name) => `${series}:${name}`);
  await queue.redis((client) => client.sadd(queue.successesOf(id), ...members));
  return true;
}

/** The names that `recordSucceeded` has noted. There are none before a second attempt. */
export async function readRecorded(queue: EndpointQueue, job: EntryJob): Promise<string[]> {
  if (job.attemptsStarted < 2) return [];
  const key = queue.successesOf(String(job.id));
  const members = await queue.redis((client) => client.smembers(key));
  const series = `${seriesKeyOf(job)}:`;
  return members.flatMap((one) => (one.startsWith(series) ? [one.slice(series.length)] : []));
}

/** After `done` and a replay every handler has to succeed again. */
const seriesKeyOf = (job: EntryJob) => `${nonceOf(job) ?? ''}:${seriesOf(job).doneAt}`;
