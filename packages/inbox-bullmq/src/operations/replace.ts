import { setTimeout as pause } from 'node:timers/promises';

import {
  hasForeignToken,
  inheritExpectation,
  isExpectation,
  type AddAnswer,
} from '@novita-webhooks/core';
import { UnrecoverableError } from 'bullmq';

import { toJobData, type JobData } from '../bullmq/job.ts';
import { toProgress, writeProgress, type EntryJob, type Progress } from '../bullmq/progress.ts';
import type { EndpointQueue } from '../bullmq/queues.ts';
import { alone } from './alone.ts';

/** Time between two tries, in milliseconds. */
const RETRY_MS = 100;

/** A job that was found in the place of an entry. */
interface Existing {
  readonly job: EntryJob;
  readonly state: string;
}

/** `gone`: the data of the job that gave way, or `null` without one. The entry is to be added again. */
export type Decision = AddAnswer | { readonly gone: JobData | null };

/** What the job that is in the queue means for an entry that was to be added. */
export async function decideOnExisting(
  queue: EndpointQueue,
  id: string,
  entry: JobData,
): Promise<Decision> {
  const existing = await find(queue, id);
  if (existing === null) return { gone: null };
  const data = toJobData(existing.job, queue.endpoint);
  if (!givesWay(queue, existing, entry)) {
    return data?.nonce === entry.nonce ? 'added' : 'duplicate';
  }
  if (data !== null && hasForeignToken(data, entry)) return 'other_task';
  const how = isOpenExpectation(existing, data) ? fillIn : remove;
  const isGone = await alone(queue, id, (isInTime) => how(queue, id, entry, isInTime));
  if (isGone !== true) await pause(RETRY_MS);
  return { gone: data };
}

/** Whether there is a job that does not give way to an entry. */
export async function isDuplicate(
  queue: EndpointQueue,
  id: string,
  entry: JobData,
): Promise<boolean> {
  const existing = await find(queue, id);
  return existing !== null && !givesWay(queue, existing, entry);
}

async function find(queue: EndpointQueue, id: string): Promise<Existing | null> {
  const [job, state] = await Promise.all([
    queue.job(id),
    queue.run((bullmq) => bullmq.getJobState(id)),
  ]);
  return job === undefined ? null : { job, state };
}

/**
 * A job in no list of BullMQ's never runs: an error cut a script off, or the check for stalled jobs
 * wrote a field of a removed job. A job that is no entry of ours never runs either.
 */
function givesWay(queue: EndpointQueue, { job, state }: Existing, entry: JobData): boolean {
  const data = toJobData(job, queue.endpoint);
  if (data === null || state === 'unknown') return true;
  return data.schemaError !== null && entry.schemaError === null && state !== 'completed';
}

/** A failed job, and one in no list, would never run with another body. */
function isOpenExpectation({ state }: Existing, data: JobData | null): boolean {
  return data !== null && isExpectation(data) && state !== 'failed' && state !== 'unknown';
}

/** Longer than what follows takes. */
const HOLD_MS = 10_000;

/**
 * Writes the result into the job of the expectation that waits for it. A crash between a removal and an
 * addition would lose both, and what a worker has asked for is not delivered again.
 */
async function fillIn(queue: EndpointQueue, id: string, entry: JobData, isInTime: () => boolean) {
  const found = await find(queue, id);
  const token = found === null ? undefined : toProgress(found.job)?.token;
  if (found?.state === 'active' && token !== undefined) {
    // Its worker only asks, and can record nothing after this.
    const until = Date.now() + HOLD_MS;
    await queue.run(() => found.job.moveToDelayed(until, token)).catch(() => undefined);
  }
  const current = await find(queue, id);
  const data = current && toJobData(current.job, queue.endpoint);
  if (current === null || data === null || !isExpectation(data)) return true;
  if (!isOpenExpectation(current, data)) return remove(queue, id, entry, isInTime);
  if (!isInTime()) return false;
  const { job } = current;
  await queue.run(() => writeProgress(job, toFresh(job)));
  await queue.run(() => job.updateData({ ...entry, ...inheritExpectation(data, entry) }));
  await queue.run(() => job.promote()).catch(() => undefined); // unless it waits or runs already
  return true;
}

/** As if the job had just been added. */
function toFresh({ attemptsStarted: started }: EntryJob): Progress {
  return {
    ...{ uncounted: started, settled: started, countedAt: started, doneAt: started },
    ...{ succeededHandlers: [], reason: null, replays: 0, partialReplay: null, attemptLog: [] },
    dueAt: Date.now(),
  };
}

/** Removes a job that gives way, and returns whether it is gone. */
async function remove(queue: EndpointQueue, id: string, entry: JobData, isInTime: () => boolean) {
  const existing = await find(queue, id);
  if (existing === null || !givesWay(queue, existing, entry)) return true;
  if (existing.state === 'active') await takeFromWorker(queue, existing.job);
  return isInTime() && (await queue.run((bullmq) => bullmq.remove(id))) === 1;
}

/** Releases the lock of a running job, so that its worker can neither extend nor settle it. */
async function takeFromWorker(queue: EndpointQueue, job: EntryJob): Promise<void> {
  const token = toProgress(job)?.token;
  if (token === undefined) return;
  const error = new UnrecoverableError('gave way to an entry that fits the schema');
  // When the lock has ended meanwhile, there is nothing to release.
  await queue.run(() => job.moveToFailed(error, token)).catch(() => undefined);
}
