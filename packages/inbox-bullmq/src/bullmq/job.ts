import type { Entry, EntryState, NewEntry } from '@novita-webhooks/core';

import { toJobId } from './names.ts';
import {
  endingOf,
  finishedStateOf,
  restoredOf,
  seriesOf,
  toProgress,
  type EntryJob,
  type Restored,
} from './progress.ts';

/** The entry that is added, and a text that no other call of `add` has. */
export interface JobData extends NewEntry {
  readonly nonce: string;
  /** The body as it was received, if a replay replaced it. */
  readonly originalBody?: string | null;
  readonly restored?: Restored;
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
  const { endpoint, taskId, status, taskType, body, schemaError, metadata, testMode } = entry;
  const { receivedAt, source, traceparent, tokenId } = entry;
  // Without spreading parts of it, which is several times slower.
  return {
    endpoint,
    taskId,
    status,
    taskType,
    body,
    schemaError,
    metadata,
    testMode,
    receivedAt,
    source,
    traceparent,
    tokenId,
  };
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
  const series = seriesOf(job);
  const { uncounted, succeededHandlers, reason, replays, partialReplay, attemptLog } = series;
  const finished = finishedStateOf(job);
  const state = finished ?? (isActive ? 'running' : 'pending');
  const attempts = job.attemptsStarted - uncounted;
  return {
    ...pickEntry(data),
    state,
    replays,
    partialReplay,
    attemptLog,
    originalBody: data.originalBody ?? null,
    attempts: finished === null ? attempts : (toProgress(job)?.attempts ?? attempts),
    succeededHandlers: [...new Set([...succeededHandlers, ...recorded])],
    reason: state === 'dead' ? (failureOf(job) ?? reason) : reason,
    dueAt: dueAtOf(job, state, leaseDurationMs),
    finishedAt: finished && finishedAtOf(job),
  };
}

function finishedAtOf(job: EntryJob): number | null {
  return restoredOf(job)?.finishedAt ?? endingOf(job)?.at ?? job.finishedOn ?? null;
}

/** Why a job has failed. BullMQ leaves it out if it is empty. */
function failureOf({ failedReason }: Partial<EntryJob>): string | undefined {
  return failedReason;
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

/** A longer delay is as good as this one: a hundred years, in milliseconds. */
const MAX_DELAY_MS = 100 * 365 * 24 * 60 * 60 * 1000;

/** A delay as BullMQ takes it. */
export function toDelayMs(ms: number): number {
  return Math.min(Math.max(0, Math.ceil(ms)), MAX_DELAY_MS);
}
