import { isExpectation, type ClaimRef, type Entry, type Outcome } from '@novita-webhooks/core';
import { UnrecoverableError } from 'bullmq';

import { nonceOf, toDelayMs, toJobData } from '../bullmq/job.ts';
import { lockOf, renewLock, type Held, type Lock } from '../bullmq/lock.ts';
import {
  countersOf,
  endingOf,
  seriesOf,
  toEnding,
  toProgress,
  writeProgress,
  type EntryJob,
  type Progress,
  type ReturnValue,
} from '../bullmq/progress.ts';
import type { EndpointQueue } from '../bullmq/queues.ts';

/** Records an outcome under the lock. `false`: the lock is lost, or the job is gone. */
export async function settle(
  queue: EndpointQueue,
  claim: ClaimRef & Partial<Held>,
  outcome: Outcome,
): Promise<boolean> {
  const lock = await lockOf(queue, claim);
  if (lock === null) return false;
  if (!(await isFilledIn(queue, lock))) return record(queue, lock, outcome);
  const { job, token } = lock;
  await queue.run(() => job.moveToDelayed(Date.now(), token)).catch(() => undefined);
  return false;
}

/** Whether the expectation that was claimed has become a result: see replace.ts. */
async function isFilledIn(queue: EndpointQueue, { job }: Lock): Promise<boolean> {
  const data = toJobData(job, queue.endpoint);
  if (data === null || !isExpectation(data)) return false;
  const current = await queue.job(String(job.id));
  return current !== undefined && nonceOf(current) !== data.nonce;
}

async function record(queue: EndpointQueue, lock: Lock, outcome: Outcome): Promise<boolean> {
  // BullMQ writes progress without a look at the lock.
  if (toNote(lock.job, outcome) !== null && (await renewLock(queue, lock)) !== 'held') {
    const current = await findNoted(queue, lock, outcome);
    return current !== null && !current.finishedOn; // the note of an earlier try
  }
  const { job, token } = lock;
  const note = toNote(job, outcome);
  try {
    await queue.run(async () => {
      if (note !== null) await writeProgress(job, note);
      await move(job, token, outcome, note);
    });
    return true;
  } catch (error) {
    // Each version words its refusals another way; the lock tells them from other errors.
    if ((await renewLock(queue, lock)) !== 'held') {
      return (await findNoted(queue, lock, outcome)) !== null;
    }
    if (lock.token === token) throw error;
    return record(queue, lock, outcome); // the lock was taken back
  }
}

/** The job, if the outcome was noted before the lock ended: the next claim moves it. */
async function findNoted(
  queue: EndpointQueue,
  { job }: Lock,
  { type }: Outcome,
): Promise<EntryJob | null> {
  const current = await queue.job(String(job.id));
  if (current === undefined || nonceOf(current) !== nonceOf(job)) return null;
  const { ending } = toProgress(current) ?? {};
  const isOurs = ending?.state === type && ending.attempt === job.attemptsStarted;
  return isOurs ? current : null;
}

/**
 * Moves a job whose outcome is known, and returns whether it is: see Ending. The note of a restored job
 * has counted this claim already.
 */
export async function moveFinished(
  queue: EndpointQueue,
  { job, token }: Lock,
  { state, reason, succeededHandlers }: Entry,
): Promise<boolean> {
  if (state !== 'done' && state !== 'dead') return false;
  const note = toLateNote(job);
  await queue.run(async () => {
    if (note !== null) await writeProgress(job, note);
    await move(job, token, { type: state, reason: reason ?? '', succeededHandlers }, null);
  });
  return true;
}

/** The note of an outcome, with the counters of the claim that moves the job. */
function toLateNote(job: EntryJob): Progress | null {
  const ending = endingOf(job);
  const noted = toProgress(job);
  if (ending === null || noted === null) return null;
  const { attemptsStarted: started } = job;
  return {
    ...noted,
    ...{ uncounted: started, settled: started },
    doneAt: ending.state === 'done' ? started : noted.doneAt,
    ending: { ...ending, ...countersOf(job), movedBy: started },
  };
}

/**
 * Gives back a job that was not attempted. A takeover stays one: the next claim returns it as such,
 * since the note makes this attempt its first look.
 */
export async function putBack(queue: EndpointQueue, { lock, isTakeover }: Held): Promise<void> {
  const { job, token } = lock;
  const attempt = job.attemptsStarted;
  const { settled } = seriesOf(job);
  const asFirstLook = { settled, countedAt: attempt, firstLook: { token, attempt } };
  const note = { ...toReleased(job, 0), ...(isTakeover === true && asFirstLook) };
  if ((await renewLock(queue, lock)) !== 'held') return;
  await queue.run(async () => {
    await writeProgress(job, note);
    await job.moveToDelayed(Date.now(), token);
  });
}

/** Moves a job to its state, under its lock. */
async function move(
  job: EntryJob,
  token: string,
  outcome: Outcome,
  note: Progress | null,
): Promise<void> {
  switch (outcome.type) {
    case 'done':
      await job.moveToCompleted(toReturnValue(outcome, note), token, false);
      return;
    case 'dead':
      await job.moveToFailed(toFailure(outcome.reason), token, false);
      return;
    case 'retry':
    case 'released':
      await job.moveToDelayed(note?.dueAt ?? Date.now(), token);
  }
}

function toReturnValue({ attemptLog }: Outcome, note: Progress | null): ReturnValue {
  return note === null ? { handled: true, attemptLog } : { handled: true };
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
  const started = job.attemptsStarted;
  const before = seriesOf(job);
  const attempts = started - before.uncounted;
  if (outcome.type === 'done' && toProgress(job) === null && attempts === 1) return null;
  const { attemptLog = before.attemptLog } = outcome;
  const counts = { uncounted: started, settled: started, attempts };
  const ended = { ...before, ...counts, attemptLog };
  if (outcome.type === 'done') {
    const ending = toEnding(job, 'done');
    return { ...ended, reason: null, succeededHandlers: [], doneAt: started, ending };
  }
  const names = [...before.succeededHandlers, ...outcome.succeededHandlers];
  const succeededHandlers = [...new Set(names)];
  if (outcome.type === 'dead') {
    const ending = toEnding(job, 'dead');
    return { ...ended, reason: outcome.reason, succeededHandlers, ending };
  }
  const released = { ...toReleased(job, outcome.delayMs), succeededHandlers, attemptLog };
  const { reason = before.reason } = outcome;
  if (outcome.type === 'released') return { ...released, reason };
  return { ...released, reason, uncounted: before.uncounted };
}

function toReleased(job: EntryJob, delayMs: number): Progress {
  const before = seriesOf(job);
  const dueAt = Date.now() + toDelayMs(delayMs);
  return { ...before, uncounted: before.uncounted + 1, settled: job.attemptsStarted, dueAt };
}
