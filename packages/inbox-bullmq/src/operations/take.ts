import { UnrecoverableError, type Worker } from 'bullmq';

import { extendLock, type Held, type Lock } from '../bullmq/lock.ts';
import type { LostCalls } from '../bullmq/lost-calls.ts';
import { seriesOf, toProgress, writeProgress, type EntryJob } from '../bullmq/progress.ts';
import type { EndpointQueue } from '../bullmq/queues.ts';
import { createToken } from '../bullmq/worker.ts';
import type { Connection } from '../connection/connection.ts';
import { readEntry } from './get.ts';
import { moveFinished } from './settle.ts';

/** Takes jobs out of a queue. A job whose last attempt was never settled is only looked at, once. */
export interface Taker {
  /**
   * Takes up to `count` jobs at the same time, since BullMQ hands out one at a time, and tells whether
   * there were less. A call that fails may have taken a job all the same: see `takeLost`.
   */
  takeInto(claims: Held[], count: number, leaseDurationMs: number): Promise<boolean>;
  /** Claims a job that was taken earlier: its lock began before the claim was asked for. */
  renewInto(claims: Held[], kept: Lock): Promise<void>;
  /** Claims the jobs of calls whose answers were lost. */
  takeLost(leaseDurationMs: number): Promise<Held[]>;
  /** Milliseconds until the second look at a job that was looked at once. */
  secondLookMs(): number;
}

export function createTaker(
  connection: Connection,
  queue: EndpointQueue,
  lostCalls: LostCalls,
  openWorker: () => Promise<Worker>,
): Taker {
  let secondLookAt = -Infinity;

  /** `undefined`: there is no job. `null`: nothing of the job can be claimed. */
  async function takeNext(leaseDurationMs: number): Promise<Held | null | undefined> {
    const token = createToken();
    const bullmq = await openWorker();
    const next = lostCalls.watch(token, () =>
      connection.run(() => bullmq.getNextJob(token, { block: false })),
    );
    const job = (await next) as EntryJob | undefined;
    if (job === undefined) return undefined;
    const lock = { job, token, leaseDurationMs };
    const isExtended = bullmq.opts.lockDuration === leaseDurationMs;
    return isExtended ? claim(lock) : renew(lock);
  }

  const claim = (lock: Lock) => lostCalls.watch(lock.token, () => toClaim(lock));

  const renew = (lock: Lock) =>
    lostCalls.watch(lock.token, async () =>
      (await extendLock(queue, lock)) ? toClaim(lock) : null,
    );

  async function toClaim(lock: Lock): Promise<Held | null> {
    const claim = await readClaim(queue, lock);
    if (claim?.isTakeover !== true) return claim;
    if (isSecondLook(lock.job)) return noteTakeover(queue, claim);
    secondLookAt = performance.now() + (await lookOnce(queue, lock));
    return null;
  }

  return {
    async takeInto(claims: Held[], count: number, leaseDurationMs: number): Promise<boolean> {
      const results = await Promise.allSettled(
        Array.from({ length: count }, () => takeNext(leaseDurationMs)),
      );
      addTo(claims, results);
      return results.some((one) => one.status === 'rejected' || one.value === undefined);
    },
    async renewInto(claims, kept) {
      addTo(claims, await Promise.allSettled([renew(kept)]));
    },
    async takeLost(leaseDurationMs) {
      const locks = await lostCalls.find(leaseDurationMs);
      const claims: Held[] = [];
      addTo(claims, await Promise.allSettled(locks.map(claim)));
      return claims;
    },
    secondLookMs: () => secondLookAt - performance.now(),
  };
}

/** @throws what a call threw, if there is no claim at all: claims must not be lost because of it */
function addTo(
  claims: Held[],
  results: readonly PromiseSettledResult<Held | null | undefined>[],
): void {
  for (const one of results) if (one.status === 'fulfilled' && one.value) claims.push(one.value);
  const failed = results.find((one) => one.status === 'rejected');
  if (failed !== undefined && claims.length === 0) throw failed.reason;
}

/**
 * The claim that a job stands for. A job that is no entry of ours fails, and one whose outcome is
 * known goes there.
 */
async function readClaim(queue: EndpointQueue, lock: Lock): Promise<Held | null> {
  const { job, token } = lock;
  const entry = await readEntry(queue, job, true);
  if (entry === null) {
    const error = new UnrecoverableError('this job is no entry of this inbox');
    await queue.run(() => job.moveToFailed(error, token));
    return null;
  }
  if (await moveFinished(queue, lock, entry)) return null;
  // For an entry that fits the schema and has to take the place of this one.
  if (entry.schemaError !== null) {
    const isBegun = { attempts: undefined, nextReplay: undefined };
    const note = { ...toProgress(job), ...seriesOf(job), ...isBegun, token };
    await queue.run(() => job.updateProgress(note));
  }
  const isTakeover = job.attemptsStarted - 1 > seriesOf(job).settled;
  return { ...entry, fencingToken: token, isTakeover, lock };
}

/** Whether the attempt before this one was a first look, and the holder did not take the lock back. */
function isSecondLook(job: EntryJob): boolean {
  return toProgress(job)?.firstLook?.attempt === job.attemptsStarted - 1;
}

/**
 * Holds the lock of a job for the time in which a heartbeat of its holder is due. Then it expires, and
 * the job goes back to the queue. Returns that time in milliseconds.
 */
async function lookOnce(queue: EndpointQueue, lock: Lock): Promise<number> {
  const { job, token } = lock;
  const attempt = job.attemptsStarted;
  const series = seriesOf(job);
  // The attempt after an outcome was one. Of those after it, each that ran has noted that it did: a
  // process may also have ended between the job and its claim.
  const isCounted = series.countedAt > series.settled;
  const attempts = (isCounted ? series.countedAt : series.settled + 1) - series.uncounted;
  const uncounted = attempt - attempts;
  const leaseDurationMs = Math.ceil(lock.leaseDurationMs / 2);
  if (await extendLock(queue, { ...lock, leaseDurationMs })) {
    const firstLook = { token, attempt };
    const note = { ...series, uncounted, countedAt: attempt, token, firstLook };
    await queue.run(() => writeProgress(job, note));
  }
  return leaseDurationMs;
}

/** From now on the attempt counts. */
async function noteTakeover(queue: EndpointQueue, claim: Held): Promise<Held> {
  const { job, token } = claim.lock;
  const note = { ...seriesOf(job), countedAt: job.attemptsStarted, token };
  await queue.run(() => writeProgress(job, note));
  return claim;
}
