import type { Entry, EntryState, NewEntry } from '@novita-webhooks/core';

import { toJobId } from './names.ts';

/** What of a job matters here, by the names that BullMQ's own hash has for it. */
export interface JobFields {
  readonly data: string;
  /** Attempts that were ever begun. */
  readonly ats: number;
  readonly progress: Progress;
  readonly failedReason: string;
  /** When it was added. */
  readonly timestamp: number;
  /** When it was completed or failed. */
  readonly finishedOn: number | null;
}

/** Kept as BullMQ's progress, so that dashboards show it. */
export interface Progress {
  /** Names of the handlers that have succeeded. */
  readonly succeededHandlers: readonly string[];
  /** Attempts begun in earlier series: a retry by whatever dashboard begins another one. */
  readonly before?: number;
  /** Attempts of the series that has come to an end. */
  readonly attempts?: number;
  /** Since when it is due, if it was not at once. */
  readonly dueAt?: number;
}

/** Where in the queue a job is. */
export interface Place {
  readonly state: EntryState;
  readonly dueAt: number | null;
}

/** What goes into a job's data. */
export function toData(entry: NewEntry): string {
  const { endpoint, taskId, status, body, schemaError, metadata, testMode, receivedAt } = entry;
  return JSON.stringify({
    endpoint,
    taskId,
    status,
    body,
    schemaError,
    metadata,
    testMode,
    receivedAt,
  } satisfies NewEntry);
}

/** Reads a job's hash. */
export function toJobFields(hash: Readonly<Record<string, string>>): JobFields {
  const { data = '', ats = '0', progress = '0', failedReason = '', timestamp, finishedOn } = hash;
  return {
    data,
    ats: Number(ats),
    progress: toProgress(JSON.parse(progress)),
    failedReason,
    timestamp: Number(timestamp),
    finishedOn: finishedOn === undefined ? null : Number(finishedOn),
  };
}

export function toProgress(progress: unknown): Progress {
  const isOurs =
    typeof progress === 'object' && progress !== null && 'succeededHandlers' in progress;
  return isOurs ? (progress as Progress) : { succeededHandlers: [] };
}

/** Attempts begun before the present series. Some dashboards begin to count anew with a retry. */
export function attemptsBefore({ ats, progress: { before = 0 } }: JobFields): number {
  return ats < before ? 0 : before;
}

/**
 * The entry that a job stands for; `null` when somebody else has put it into the queue: also by
 * copying one of ours, or by editing whose it is.
 */
export function toEntry(
  job: JobFields,
  id: string,
  endpoint: string,
  { state, dueAt }: Place,
): Entry | null {
  const entry = parse(job.data);
  if (entry === null) return null;
  if (entry.endpoint !== endpoint || toJobId(entry.taskId) !== id) return null;
  const isSettled = state === 'done' || state === 'dead';
  const attempts = job.ats - attemptsBefore(job);
  return {
    ...entry,
    state,
    attempts: isSettled ? (job.progress.attempts ?? attempts) : attempts,
    succeededHandlers: job.progress.succeededHandlers,
    reason: job.failedReason === '' ? null : job.failedReason,
    dueAt,
    finishedAt: isSettled ? job.finishedOn : null,
  };
}

function parse(data: string): NewEntry | null {
  try {
    const entry = JSON.parse(data) as Partial<NewEntry> | null;
    const isOurs = typeof entry?.taskId === 'string' && typeof entry.body === 'string';
    return isOurs ? (entry as NewEntry) : null;
  } catch {
    return null;
  }
}
