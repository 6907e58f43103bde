import { randomUUID } from 'node:crypto';

import { isBoundToken, type AddAnswer, type NewEntry } from '@novita-webhooks/core';
import type { JobsOptions } from 'bullmq';

import { pickEntry, type JobData } from '../bullmq/job.ts';
import { toJobId } from '../bullmq/names.ts';
import type { EndpointQueue, Queues } from '../bullmq/queues.ts';
import { noteArrivals, search } from '../connection/scripts.ts';

/** A job that is to be added. */
export interface NewJob {
  readonly id: string;
  readonly name: string;
  readonly data: JobData;
  readonly opts?: JobsOptions;
}

/** Entries in a batch. While Redis works on one, the next is made. */
const MAX_BATCH_ENTRIES = 25;
/** Length of their bodies: on a slow link, the answer to a batch must not be long in coming. */
const MAX_BATCH_LENGTH = 1024 * 1024;

/** The job of an entry. Throws if the entry cannot be written as JSON. */
export function toJob(entry: NewEntry): NewJob {
  JSON.stringify(entry.metadata); // throws when it cannot be kept
  const { taskId, status } = entry;
  return {
    id: toJobId(taskId),
    name: status === '' ? 'event' : status,
    data: { nonce: randomUUID(), ...pickEntry(entry) },
  };
}

/** Jobs of one queue each, in their order: of two of the same task the second sees the first. */
export function toBatches<T extends { readonly job: NewJob }>(all: readonly T[]): T[][] {
  const batches: T[][] = [];
  let batch: T[] = [];
  let length = 0;
  for (const one of all) {
    const { body, endpoint } = one.job.data;
    const isFull = batch.length === MAX_BATCH_ENTRIES || length + body.length > MAX_BATCH_LENGTH;
    if (isFull || batch[0]?.job.data.endpoint !== endpoint) {
      batch = [];
      batches.push(batch);
      length = 0;
    }
    batch.push(one);
    length += body.length;
  }
  return batches;
}

/** `unknown`: a job with the id was there, as far as is known. `other_task`: nothing was added. */
export type Placed = Extract<AddAnswer, 'added' | 'other_task'> | 'unknown';

/** What became of each job, as far as that is known at once. */
export async function addToQueue(
  queues: Queues,
  queue: EndpointQueue,
  jobs: readonly NewJob[],
): Promise<readonly Placed[]> {
  const { counter, endpoints } = queues;
  const arrived = jobs.map(({ id, data: { tokenId } }) => ({
    ...{ id, token: isBoundToken(tokenId) ? tokenId : null },
  }));
  // First, so that an entry that a crash cuts off here has no job, rather than a job no place.
  const noted = queue.redis((client) =>
    noteArrivals(client, { ...queue, counter, endpoints }, arrived),
  );
  const hasTokens = arrived.some(({ token }) => token !== null);
  if (!hasTokens) return addJobs(queue, jobs, noted);
  const areTaken = await noted;
  const free = jobs.filter((_, index) => areTaken[index] !== true);
  const placed = (await addJobs(queue, free, noted)).values();
  return areTaken.map((isTaken) => (isTaken ? 'other_task' : (placed.next().value ?? 'unknown')));
}

async function addJobs(
  queue: EndpointQueue,
  jobs: readonly NewJob[],
  noted: Promise<unknown>,
): Promise<readonly Placed[]> {
  if (jobs.length === 0) return [];
  const bulk = jobs.map((job) => ({ ...job, opts: { ...job.opts, jobId: job.id } }));
  await Promise.all([noted, queue.run((bullmq) => bullmq.addBulk(bulk))]);
  const nonces = jobs.map(({ data }) => data.nonce);
  const found = await queue.run((bullmq) =>
    queue.redis((client) =>
      search(
        client,
        jobs.map(({ id }) => bullmq.toKey(id)),
        nonces,
      ),
    ),
  );
  return found.map((isFound) => (isFound ? 'added' : 'unknown'));
}
