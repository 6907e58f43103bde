import type { ClaimRef, Outcome } from '@novita-webhooks/core';
import { UnrecoverableError } from 'bullmq';

import {
  HANDLED,
  toProgress,
  uncountedOf,
  writeProgress,
  type EntryJob,
  type Progress,
} from '../bullmq/job.ts';
import { toJobId } from '../bullmq/names.ts';
import type { EndpointQueue } from '../bullmq/queues.ts';

/** A longer delay is as good as this one: a hundred years, in milliseconds. */
const MAX_DELAY_MS = 100 * 365 * 24 * 60 * 60 * 1000;

/**
 * Records an outcome under the lock. `false`: the lock has ended, or another worker has it, or the job
 * is gone.
 *
 * @param claim what was claimed; when it has no job with it, the job is read
 */
export async function settle(
  queue: EndpointQueue,
  claim: ClaimRef & { readonly job?: EntryJob },
  outcome: Outcome,
  leaseDurationMs: number,
): Promise<boolean> {
  const job = claim.job ?? (await queue.job(toJobId(claim.taskId)));
  if (job === undefined) return false;
  const note = toNote(job, outcome);
  const token = claim.fencingToken;
  // BullMQ writes progress without a look at the lock.
  if (note !== null) {
    if (!(await extendLock(queue, job, token, leaseDurationMs))) return false;
    await queue.run(() => writeProgress(job, note));
  }
  try {
    await queue.run(() => move(job, token, outcome, note));
    return true;
  } catch (error) {
    // Each version words its refusals another way; the lock tells them from other errors.
    if (await extendLock(queue, job, token, leaseDurationMs)) throw error;
    return false;
  }
}

export async function extendLock(
  queue: EndpointQueue,
  job: EntryJob,
  token: string,
  leaseDurationMs: number,
): Promise<boolean> {
  return (await queue.run(() => job.extendLock(token, leaseDurationMs))) === 1;
}

async function move(
  job: EntryJob,
  token: string,
  outcome: Outcome,
  note: Progress | null,
): Promise<void> {
  switch (outcome.type) {
    case 'done':
      await job.moveToCompleted(HANDLED, token, false);
      return;
    case 'dead':
      await job.moveToFailed(toFailure(outcome.reason), token, false);
      return;
    case 'retry':
    case 'released':
      await job.moveToDelayed(note?.dueAt ?? Date.now(), token);
  }
}

/** Without a stack: it would be that of this line. */
function toFailure(reason: string): Error {
  const failure = new UnrecoverableError(reason);
  failure.stack = '';
  return failure;
}

/**
 * What has to be kept beside the outcome; `null` where BullMQ's own fields tell all: the first attempt
 * of an entry succeeded.
 */
function toNote(job: EntryJob, outcome: Outcome): Progress | null {
  const uncounted = uncountedOf(job);
  const started = job.attemptsStarted;
  const before = toProgress(job);
  if (outcome.type === 'done') {
    const isFirst = before === null && started - uncounted === 1;
    return isFirst
      ? null
      : { succeededHandlers: [], reason: null, uncounted: started, attempts: started - uncounted };
  }
  const succeededHandlers = [
    ...new Set([...(before?.succeededHandlers ?? []), ...outcome.succeededHandlers]),
  ];
  if (outcome.type === 'dead') {
    return { succeededHandlers, reason: null, uncounted: started, attempts: started - uncounted };
  }
  const isReleased = outcome.type === 'released';
  return {
    succeededHandlers,
    reason: isReleased ? reasonBefore(before) : outcome.reason,
    uncounted: isReleased ? uncounted + 1 : uncounted,
    dueAt: Date.now() + Math.min(Math.ceil(outcome.delayMs), MAX_DELAY_MS),
  };
}

/** The reason of an earlier series is no reason of this one. */
function reasonBefore(before: Progress | null): string | null {
  return before?.attempts === undefined ? (before?.reason ?? null) : null;
}
