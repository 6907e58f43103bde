import { randomUUID } from 'node:crypto';

import { WebhookError, type NewEntry } from '@novita-webhooks/core';

import { pickEntry, type JobData } from '../bullmq/job.ts';
import { toJobId } from '../bullmq/names.ts';
import type { EndpointQueue, Queues } from '../bullmq/queues.ts';
import { noteArrivals, search } from '../connection/scripts.ts';
import { decideOnExisting } from './replace.ts';

type Answer = 'added' | 'duplicate';

interface NewJob {
  readonly id: string;
  readonly name: string;
  readonly data: JobData;
}

interface Waiting {
  readonly job: NewJob;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** Entries in a batch. While Redis works on one, the next is made. */
const MAX_BATCH_ENTRIES = 25;
/** Length of their bodies: on a slow link, the answer to a batch must not be long in coming. */
const MAX_BATCH_LENGTH = 1024 * 1024;
/** Attempts to add an entry whose job is being removed or replaced at the same time. */
const MAX_TRIES = 4;

/**
 * Adds entries. BullMQ's `add` answers the same whether it added a job or found one with this id. So
 * the data of each job holds a nonce: the caller whose nonce is in the queue has added the entry.
 * Entries that come at the same time share their commands.
 */
export function createAdd(queues: Queues): (entry: NewEntry) => Promise<Answer> {
  const batches = new Map<string, Waiting[]>();

  function flush(): void {
    const endpoints = [...batches];
    batches.clear();
    for (const [endpoint, all] of endpoints) {
      for (const batch of toBatches(all)) void addAll(queues, queues.of(endpoint), batch);
    }
  }

  return (entry) =>
    new Promise((resolve, reject) => {
      // Made here, so that an entry that is no JSON is refused alone.
      const job = toJob(entry);
      if (batches.size === 0) setImmediate(flush);
      const waiting = batches.get(entry.endpoint) ?? [];
      batches.set(entry.endpoint, waiting);
      waiting.push({ job, resolve, reject });
    });
}

function toJob(entry: NewEntry): NewJob {
  JSON.stringify(entry.metadata); // throws when it cannot be kept
  const { taskId, status } = entry;
  return {
    id: toJobId(taskId),
    name: status === '' ? 'event' : status,
    data: { nonce: randomUUID(), ...pickEntry(entry) },
  };
}

/** In their order: of two of the same task the second sees the first. */
function toBatches(all: readonly Waiting[]): Waiting[][] {
  const batches: Waiting[][] = [];
  let batch: Waiting[] = [];
  let length = 0;
  for (const one of all) {
    const added = one.job.data.body.length;
    const isFull = batch.length === MAX_BATCH_ENTRIES || length + added > MAX_BATCH_LENGTH;
    if (batch.length === 0 || isFull) {
      batch = [];
      batches.push(batch);
      length = 0;
    }
    batch.push(one);
    length += added;
  }
  return batches;
}

/** Entries whose batch fails are added one by one, so that each gets its own answer. */
async function addAll(queues: Queues, queue: EndpointQueue, batch: readonly Waiting[]) {
  const jobs = batch.map(({ job }) => job);
  const areAdded = await addToQueue(queues, queue, jobs).catch((error: unknown) => {
    if (batch.length === 1) batch[0]?.reject(error);
  });
  for (const [index, { job, resolve, reject }] of batch.entries()) {
    if (areAdded?.[index]) resolve('added');
    else if (areAdded || batch.length > 1) addOne(queues, queue, job).then(resolve, reject);
  }
}

/** Whether each was added, as far as that is known at once. */
async function addToQueue(
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
  const bulk = jobs.map(({ id, name, data }) => ({ name, data, opts: { jobId: id } }));
  await Promise.all([noted, queue.run((bullmq) => bullmq.addBulk(bulk))]);
  const nonces = jobs.map(({ data }) => data.nonce);
  return queue.run((bullmq) =>
    queue.redis((client) => search(client, ids.map(bullmq.toKey), nonces)),
  );
}

/** Adds a job until it is clear whose job is in the queue. */
async function addOne(queues: Queues, queue: EndpointQueue, job: NewJob): Promise<Answer> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const answer = await decideOnExisting(queue, job.id, job.data);
    if (answer !== 'gone') return answer;
    const [isAdded] = await addToQueue(queues, queue, [job]);
    if (isAdded) return 'added';
  }
  const message = `inbox-bullmq: gave up after ${MAX_TRIES} tries because the entry was modified concurrently.`;
  throw new WebhookError('inbox_unavailable', message);
}
