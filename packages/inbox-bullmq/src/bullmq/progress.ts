import type { AttemptRecord, PartialReplay } from '@novita-webhooks/core';
import type { Job } from 'bullmq';

/** A job that may stand for an entry. */
export type EntryJob = Job<unknown>;

/** What BullMQ has no field for. It is kept as the job's progress, so that dashboards show it. */
export interface Progress {
  /** Names of the handlers that have succeeded. */
  readonly succeededHandlers: readonly string[];
  /** How many of BullMQ's "attempts started" do not belong to the present series. */
  readonly uncounted: number;
  /** Why the last attempt failed; `null` when it did not. */
  readonly reason: string | null;
  /** Since when or from when it can be claimed, in milliseconds since 1970. */
  readonly dueAt?: number;
  /** Attempts of the series that has ended. The next attempt begins another series. */
  readonly attempts?: number | undefined;
  /** "Attempts started" when an outcome was last recorded. An attempt beyond the next was never settled. */
  readonly settled: number;
  /** "Attempts started" when the attempts were last counted. Until then, `uncounted` is exact. */
  readonly countedAt: number;
  /** "Attempts started" when the entry was last done: its handlers have to succeed since then. */
  readonly doneAt: number;
  /** The first look of a takeover: an attempt that only holds the lock, and gives it back to the holder. */
  readonly firstLook?: { readonly token: string; readonly attempt: number };
  /** The lock's token of a running entry that may have to give way to one that fits the schema. */
  readonly token?: string;
  /** Replays before this series. */
  readonly replays: number;
  /** Of this series. */
  readonly partialReplay: PartialReplay | null;
  /** The `partialReplay` of the next series: of a replay that is about to begin. */
  readonly nextReplay?: PartialReplay | undefined;
  readonly attemptLog: readonly AttemptRecord[];
  readonly ending?: Ending;
}

/**
 * An outcome that is noted before BullMQ moves the job. The lock or the process may end in between. Then
 * the job goes back to the queue, and the claim that finds it moves it.
 */
export interface Ending extends Counters {
  readonly state: 'done' | 'dead';
  /** Milliseconds since 1970. */
  readonly at: number;
  /** "Attempts started" of the attempt that had this outcome. */
  readonly attempt: number;
  /** "Attempts started" of the claim that moves the job. */
  readonly movedBy?: number;
}

/** Of BullMQ: a move raises the first one, and the way back to the queue the second one. */
interface Counters {
  readonly attemptsMade: number;
  /** Only in versions that can reset `attemptsMade`. */
  readonly stalledCounter?: number | undefined;
}

/** What a restored entry begins with: its progress until another one is noted. */
export interface Restored extends Progress {
  /** If it is done or dead: the claim that finds the job moves it there. */
  readonly state?: 'done' | 'dead';
  /** When it became so, in milliseconds since 1970. */
  readonly finishedAt?: number;
}

/**
 * What `moveToCompleted` returns for a handled entry. It tells completed jobs from failed ones. The log
 * of attempts is in it if nothing was noted: then one command has recorded both.
 */
export interface ReturnValue {
  readonly handled: true;
  readonly attemptLog?: readonly AttemptRecord[] | undefined;
}

function returnValueOf({ returnvalue }: EntryJob): ReturnValue | null {
  return 'handled' in Object(returnvalue) ? (returnvalue as ReturnValue) : null;
}

/** What a restored job began with; `null` if it was not restored or something was noted since. */
export function restoredOf({ progress, data }: EntryJob): Restored | null {
  if ('uncounted' in Object(progress)) return null;
  return (data as { readonly restored?: Restored } | null)?.restored ?? null;
}

/** The progress that a job was left with; `null` before anything was noted. */
export function toProgress(job: EntryJob): Progress | null {
  const { progress } = job;
  return 'uncounted' in Object(progress) ? (progress as unknown as Progress) : restoredOf(job);
}

/** Leaves the object as it was claimed: what it is settled as may have to be worked out again. */
export async function writeProgress(job: EntryJob, progress: Progress): Promise<void> {
  const { progress: claimed } = job;
  await job.updateProgress({ ...progress }).finally(() => (job.progress = claimed));
}

export function countersOf({ attemptsMade, stalledCounter }: EntryJob & Counters): Counters {
  return { attemptsMade, stalledCounter };
}

/** For the note of an outcome. */
export function toEnding(job: EntryJob, state: Ending['state']): Ending {
  return { state, at: Date.now(), attempt: job.attemptsStarted, ...countersOf(job) };
}

/** The outcome that was noted for a job, if BullMQ has not moved the job since. */
export function endingOf(job: EntryJob): Ending | null {
  const { ending } = toProgress(job) ?? {};
  const { attemptsMade, stalledCounter } = countersOf(job);
  if (ending === undefined || job.finishedOn || attemptsMade !== ending.attemptsMade) return null;
  const wentBack = stalledCounter === undefined || stalledCounter !== ending.stalledCounter;
  return wentBack || job.attemptsStarted === ending.movedBy ? ending : null;
}

/** `done` or `dead`; `null` for a job that waits or runs. */
export function finishedStateOf(job: EntryJob): 'done' | 'dead' | null {
  if (job.finishedOn) return returnValueOf(job) === null ? 'dead' : 'done';
  const ending = endingOf(job);
  if (ending !== null) return ending.state;
  // A restored job was never settled before it was moved.
  return job.attemptsMade === 0 ? (restoredOf(job)?.state ?? null) : null;
}

/**
 * Attempts begun in earlier series, or given back. Without a note every earlier series ended with the
 * success of its first attempt: BullMQ counts those itself. A dashboard may have reset the counter.
 * Below 0 if a restored entry had more attempts than BullMQ has counted.
 */
function uncountedOf(job: EntryJob): number {
  const { attemptsStarted, attemptsMade, finishedOn } = job;
  const uncounted = toProgress(job)?.uncounted ?? Math.max(0, attemptsMade - (finishedOn ? 1 : 0));
  return attemptsStarted < uncounted ? 0 : uncounted;
}

/** The progress of the series that a job is in, without what belongs to one attempt only. */
export function seriesOf(job: EntryJob): Progress {
  const uncounted = uncountedOf(job);
  const noted = toProgress(job);
  const { succeededHandlers = [], settled = uncounted, doneAt = uncounted } = noted ?? {};
  // A retry in a dashboard is a replay too, and notes nothing.
  const { attemptLog = returnValueOf(job)?.attemptLog ?? [], replays = uncounted } = noted ?? {};
  const isNewSeries = noted?.attempts !== undefined && finishedStateOf(job) === null;
  const partialReplay = isNewSeries ? noted.nextReplay : noted?.partialReplay;
  return {
    succeededHandlers,
    uncounted,
    settled,
    countedAt: Math.max(settled, noted?.countedAt ?? 0),
    doneAt,
    attemptLog,
    reason: isNewSeries ? null : (noted?.reason ?? null),
    replays: isNewSeries ? replays + 1 : replays,
    partialReplay: partialReplay ?? null,
  };
}
