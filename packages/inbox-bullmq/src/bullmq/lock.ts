import { WebhookError, type Claim, type ClaimRef } from '@novita-webhooks/core';

import { nonceOf } from './job.ts';
import { toJobId } from './names.ts';
import { seriesOf, toProgress, writeProgress, type EntryJob } from './progress.ts';
import type { EndpointQueue } from './queues.ts';

/** A job and its lock. Both are replaced when the lock is taken back after a first look. */
export interface Lock {
  job: EntryJob;
  token: string;
  leaseDurationMs: number;
}

/** A claim and its lock, so that the job need not be read again to settle it. */
export interface Held extends Claim {
  readonly lock: Lock;
}

/** For the lock of a claim that another store has made, in milliseconds. */
const UNKNOWN_LEASE_MS = 10_000;

/** The lock of a claim; `null` when its job is gone. */
export async function lockOf(
  queue: EndpointQueue,
  claim: ClaimRef & Partial<Held>,
): Promise<Lock | null> {
  if (claim.lock !== undefined) return claim.lock;
  const job = await queue.job(toJobId(claim.taskId));
  return job ? { job, token: claim.fencingToken, leaseDurationMs: UNKNOWN_LEASE_MS } : null;
}

/** Whether the lock was extended by its lease. BullMQ does not give back one that has ended. */
export async function extendLock(queue: EndpointQueue, lock: Lock): Promise<boolean> {
  const { job, token, leaseDurationMs } = lock;
  return (await queue.run(() => job.extendLock(token, leaseDurationMs))) === 1;
}

/**
 * `lost`: another worker has the entry, or an outcome was recorded. `doubtful`: the lock has ended, and
 * no worker has claimed the entry since. Its first look, which is to come, gives the lock back.
 */
export type Renewal = 'held' | 'lost' | 'doubtful';

/** Extends a lock. After a first look, the holder goes on under the token of that look. */
export async function renewLock(queue: EndpointQueue, lock: Lock): Promise<Renewal> {
  if (await extendLock(queue, lock)) return 'held';
  const attempt = lock.job.attemptsStarted;
  const job = await queue.job(String(lock.job.id));
  if (job === undefined || job.finishedOn || nonceOf(job) !== nonceOf(lock.job)) return 'lost';
  if (seriesOf(job).settled >= attempt || job.attemptsStarted > attempt + 1) return 'lost';
  const look = toProgress(job)?.firstLook;
  if (look?.attempt !== attempt + 1) return 'doubtful';
  const lookLock = { job, token: look.token, leaseDurationMs: lock.leaseDurationMs };
  if (!(await extendLock(queue, lookLock))) return 'lost';
  Object.assign(lock, lookLock);
  await queue.run(() => writeProgress(job, { ...seriesOf(job), token: look.token }));
  return 'held';
}

/** For a heartbeat: whether the lock is held. */
export async function extend(
  queue: EndpointQueue,
  claim: ClaimRef & Partial<Held>,
  leaseDurationMs: number,
): Promise<boolean> {
  const lock = await lockOf(queue, claim);
  if (lock === null) return false;
  lock.leaseDurationMs = leaseDurationMs;
  const renewal = await renewLock(queue, lock);
  if (renewal !== 'doubtful') return renewal === 'held';
  const message =
    'inbox-bullmq: the lock has expired, and no worker has taken the job yet. The next heartbeat ' +
    'gets it back. If this is frequent, raise leaseDurationMs.';
  throw new WebhookError('inbox_unavailable', message);
}
