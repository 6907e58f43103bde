import { randomUUID } from 'node:crypto';

import type { NewEntry } from '@novita-webhooks/core';
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

/** Whether each was added, as far as that is known at once. */
export async function addToQueue(
  queues: Queues,
  queue: EndpointQueue,
  jobs: readonly NewJob[],
): Promise<readonly boolean[]> {
  const { counter, endpoints } = queues;
  const ids = jobs.map(({ id }) => id);
  // First, so that an entry that a crash cuts off here has no job, rather than a job no place.
  const noted = queue.redis((client) =>
    noteArrivals(client, { ...queue, counter, endpoints }, ids),
  );
  const bulk = jobs.map(({ id, name, data, opts }) => ({
    ...{ name, data, opts: { ...opts, jobId: id } },
  }));
  await Promise.all([noted, queue.run((bullmq) => bullmq.addBulk(bulk))]);
  const nonces = jobs.map(({ data }) => data.nonce);
  return queue.run((bullmq) =>
    queue.redis((client) => search(client, ids.map(bullmq.toKey), nonces)),
  );
}
