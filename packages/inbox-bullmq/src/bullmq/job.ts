import type { Entry, EntryState, NewEntry } from '@novita-webhooks/core';
import type { Job } from 'bullmq';

import { toJobId } from './names.ts';

export type EntryJob = Job<unknown>;

/** The entry that is added, and a text that no other call of `add` has. */
export interface JobData extends NewEntry {
  readonly nonce: string;
}

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
  readonly attempts?: number;
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
}

/** What `moveToCompleted` returns for a handled entry. It tells completed jobs from failed ones. */
export const HANDLED = 'handled';

/** The progress that a job was left with; `null` before anything was noted. */
export function toProgress({ progress }: EntryJob): Progress | null {
  return 'uncounted' in Object(progress) ? (progress as unknown as Progress) : null;
}

/** Leaves the object as it was claimed: what it is settled as may have to be worked out again. */
export async function writeProgress(job: EntryJob, progress: Progress): Promise<void> {
  const { progress: claimed } = job;
  await job.updateProgress({ ...progress }).finally(() => (job.progress = claimed));
}

/**
 * Attempts begun in earlier series, or given back. Without a note every earlier series ended with the
 * success of its first attempt: BullMQ counts those itself. A dashboard may have reset the counter.
 */
function uncountedOf(job: EntryJob): number {
  const { attemptsStarted, attemptsMade, finishedOn } = job;
  const uncounted = toProgress(job)?.uncounted ?? attemptsMade - (finishedOn ? 1 : 0);
  return attemptsStarted < uncounted ? 0 : Math.max(0, uncounted);
}

/** The progress of the series that a job is in, without what belongs to one attempt only. */
export function seriesOf(job: EntryJob): Progress {
  const uncounted = uncountedOf(job);
  const noted = toProgress(job);
  const { succeededHandlers = [], settled = uncounted, doneAt = uncounted } = noted ?? {};
  const isNewSeries = noted?.attempts !== undefined && !job.finishedOn;
  const reason = isNewSeries ? null : (noted?.reason ?? null);
  const countedAt = Math.max(settled, noted?.countedAt ?? 0);
  return { succeededHandlers, reason, uncounted, settled, countedAt, doneAt };
}

/** The data of a job; `null` when the job is not an entry of this inbox. */
export function toJobData({ data, id }: EntryJob, endpoint: string): JobData | null {
  const job = data as Partial<JobData> | null;
  if (typeof job?.taskId !== 'string' || typeof job.body !== 'string') return null;
  // A copy, or an edited job, must not run in the place of another entry.
  const isWhereItBelongs = job.endpoint === endpoint && toJobId(job.taskId) === id;
  return isWhereItBelongs ? (job as JobData) : null;
}

/** Another event with the same id has another nonce. */
export function nonceOf({ data }: EntryJob): string | undefined {
  return (data as Partial<JobData> | null)?.nonce;
}

/** The fields of an entry, and no other. */
export function pickEntry(entry: NewEntry): NewEntry {
  const { endpoint, taskId, status, body, schemaError, metadata, testMode, receivedAt } = entry;
  return { endpoint, taskId, status, body, schemaError, metadata, testMode, receivedAt };
}

/** What the fields of a job do not tell. */
export interface Surroundings {
  readonly endpoint: string;
  readonly isActive: boolean;
  /** The lease of its holder in milliseconds; `null` when this process has claimed nothing yet. */
  readonly leaseDurationMs: number | null;
  /** See `readRecorded`. */
  readonly recorded: readonly string[];
}

/** The entry that a job stands for; `null` when it stands for none. */
export function toEntry(job: EntryJob, surroundings: Surroundings): Entry | null {
  const { endpoint, isActive, leaseDurationMs, recorded } = surroundings;
  const data = toJobData(job, endpoint);
  if (data === null) return null;
  const { uncounted, reason, succeededHandlers } = seriesOf(job);
  const state = stateOf(job, isActive);
  const isFinished = state === 'done' || state === 'dead';
  const attempts = job.attemptsStarted - uncounted;
  return {
    ...pickEntry(data),
    state,
    attempts: isFinished ? (toProgress(job)?.attempts ?? attempts) : attempts,
    succeededHandlers: [...new Set([...succeededHandlers, ...recorded])],
    reason: state === 'dead' ? job.failedReason : state === 'done' ? null : reason,
    dueAt: dueAtOf(job, state, leaseDurationMs),
    finishedAt: isFinished ? (job.finishedOn ?? null) : null,
  };
}

function stateOf({ finishedOn, returnvalue }: EntryJob, isActive: boolean): EntryState {
  if (finishedOn) return returnvalue === HANDLED ? 'done' : 'dead';
  return isActive ? 'running' : 'pending';
}

/** A running entry is due when its lease ends; at the latest a lease from now, if it is not extended. */
function dueAtOf(job: EntryJob, state: EntryState, leaseDurationMs: number | null): number | null {
  if (state === 'running') return leaseDurationMs === null ? null : Date.now() + leaseDurationMs;
  return state === 'pending' ? dueSince(job) : null;
}

/** When a pending job became or becomes due. BullMQ does not keep when a job was replayed. */
export function dueSince(job: EntryJob): number {
  const progress = toProgress(job);
  if (progress?.dueAt !== undefined) return progress.dueAt;
  const isReplayed = progress?.attempts !== undefined || job.attemptsMade > 0;
  return isReplayed ? Date.now() : job.timestamp;
}
