import {
  inheritExpectation,
  WebhookError,
  type AddAnswer,
  type NewEntry,
} from '@novita-webhooks/core';

import type { EndpointQueue, Queues } from '../bullmq/queues.ts';
import { addToQueue, toBatches, toJob, type NewJob } from './add-to-queue.ts';
import { decideOnExisting, isDuplicate } from './replace.ts';

interface Waiting {
  readonly job: NewJob;
  readonly resolve: (answer: AddAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** Attempts to add an entry whose job is being removed or replaced at the same time. */
const MAX_TRIES = 4;

/**
 * Adds entries. BullMQ's `add` answers the same whether it added a job or found one with this id. So
 * the data of each job holds a nonce: the caller whose nonce is in the queue has added the entry.
 * Entries that come at the same time share their commands.
 */
export function createAdd(queues: Queues): (entry: NewEntry) => Promise<AddAnswer> {
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

/** Entries whose batch fails are added one by one, so that each gets its own answer. */
async function addAll(queues: Queues, queue: EndpointQueue, batch: readonly Waiting[]) {
  const jobs = batch.map(({ job }) => job);
  const placed = await addToQueue(queues, queue, jobs).catch((error: unknown) => {
    if (batch.length === 1) batch[0]?.reject(error);
  });
  for (const [index, { job, resolve, reject }] of batch.entries()) {
    if (placed?.[index] === 'added') resolve('added');
    else if (placed?.[index] === 'other_task') answerOtherTask(queue, job).then(resolve, reject);
    else if (placed || batch.length > 1) addOne(queues, queue, job).then(resolve, reject);
  }
}

/** A copy of a stored event stays a duplicate, whatever token it comes with. */
async function answerOtherTask(queue: EndpointQueue, job: NewJob): Promise<AddAnswer> {
  return (await isDuplicate(queue, job.id, job.data)) ? 'duplicate' : 'other_task';
}

/** Adds a job until it is clear whose job is in the queue. */
async function addOne(queues: Queues, queue: EndpointQueue, first: NewJob): Promise<AddAnswer> {
  let job = first;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const decision = await decideOnExisting(queue, job.id, job.data);
    if (typeof decision === 'string') return decision;
    if (decision.gone !== null) {
      job = { ...job, data: { ...job.data, ...inheritExpectation(decision.gone, job.data) } };
    }
    const [placed] = await addToQueue(queues, queue, [job]);
    if (placed === 'added') return 'added';
    if (placed === 'other_task') return answerOtherTask(queue, job);
  }
  const message = `inbox-bullmq: gave up after ${MAX_TRIES} tries because the entry was modified concurrently.`;
  throw new WebhookError('inbox_unavailable', message);
}
