import type { ClaimRef, Outcome } from '@novita-webhooks/core';
import { ErrorCode } from 'bullmq';

import type { Connection } from './connection.ts';
import { attemptsBefore, toJobFields, type JobFields, type Progress } from './job.ts';
import { toJobId } from './names.ts';
import { AT_ONCE } from './reading.ts';
import type { Queue, Queues } from './queues.ts';
import { hold } from './scripts.ts';

/** BullMQ keeps what is finished until it is purged, together with its place in the order. */
const KEEP_ALL = { count: -1 };

/** A longer delay is as good as this one. */
const LONGEST_MS = 100 * 365 * 24 * 60 * 60 * 1000;

/**
 * Whether the lock was extended. One that has run out is gone from Redis, although nobody may have
 * taken the job: the worker may have overslept, or Redis was away. As long as nobody has, it is as
 * good as before.
 */
export async function extend(
  connection: Connection,
  queues: Queues,
  { endpoint, taskId, fencingToken }: ClaimRef,
  leaseDurationMs: number,
): Promise<boolean> {
  const queue = queues.of(endpoint);
  const id = toJobId(taskId);
  const keys = [id, `${id}:lock`, 'active', 'stalled'].map((suffix) => queue.key(suffix));
  const client = await queues.client;
  const held: unknown = await connection.run(() =>
    client.runCommand(hold.name, [...keys, id, fencingToken, leaseDurationMs]),
  );
  return held === 1;
}

/**
 * Records an outcome under the lock, with BullMQ's own scripts. `false`: the lock is somebody
 * else's, or the job is gone.
 *
 * @param known the job as it was claimed; read where it is not known
 */
export async function settle(
  connection: Connection,
  queues: Queues,
  claimRef: ClaimRef,
  outcome: Outcome,
  known: JobFields | undefined,
  leaseDurationMs: number,
): Promise<boolean> {
  const queue = queues.of(claimRef.endpoint);
  const id = toJobId(claimRef.taskId);
  const job = known ?? (await read(connection, queue, id));
  if (job === null) return false;
  const record = () =>
    connection.run(() => move(queue, id, claimRef.fencingToken, outcome, job, connection.now()));
  const code = await refusal(record);
  if (code !== ErrorCode.JobLockNotExist) return code === null;
  if (!(await extend(connection, queues, claimRef, leaseDurationMs))) return false;
  return (await refusal(record)) === null;
}

/** Makes a job that nobody can work with a failed one. */
export async function fail(
  connection: Connection,
  queue: Queue,
  id: string,
  token: string,
  reason: string,
): Promise<void> {
  await refusal(() =>
    connection.run(() => finish(queue, id, token, connection.now(), 'failed', reason)),
  );
}

async function read(connection: Connection, queue: Queue, id: string): Promise<JobFields | null> {
  const hash = await connection.run((client) => client.hgetall(queue.key(id)));
  return hash['data'] === undefined ? null : toJobFields(hash);
}

async function move(
  queue: Queue,
  id: string,
  token: string,
  outcome: Outcome,
  job: JobFields,
  now: number,
): Promise<void> {
  const { ats } = job;
  const before = attemptsBefore(job);
  const finished = { attempts: ats - before, before: ats };
  switch (outcome.type) {
    case 'done': {
      const progress = toJson({ succeededHandlers: [], ...finished });
      return finish(queue, id, token, now, 'completed', undefined, { progress, failedReason: '' });
    }
    case 'dead': {
      const progress = toJson({
        succeededHandlers: union(job, outcome.succeededHandlers),
        ...finished,
      });
      return finish(queue, id, token, now, 'failed', outcome.reason, { progress });
    }
    case 'retry':
      return delay(queue, id, token, now, outcome, before, job, { failedReason: outcome.reason });
    case 'released':
      return delay(queue, id, token, now, outcome, before, job, { ats: String(ats - 1) });
  }
}

/** Never empty, since an empty reason means none. */
async function finish(
  { bullmq }: Queue,
  id: string,
  token: string,
  now: number,
  target: 'completed' | 'failed',
  value: string | undefined,
  fields?: Readonly<Record<string, string>>,
): Promise<void> {
  const job = { id, opts: { attempts: 1 } } as Parameters<typeof bullmq.moveToFinishedArgs>[0];
  const field = target === 'failed' ? 'failedReason' : 'returnvalue';
  const args = bullmq.moveToFinishedArgs(
    job,
    value,
    field,
    KEEP_ALL,
    target,
    token,
    now,
    false,
    fields,
  );
  await bullmq.moveToFinished(id, args);
}

async function delay(
  { bullmq }: Queue,
  id: string,
  token: string,
  now: number,
  outcome: Extract<Outcome, { type: 'retry' | 'released' }>,
  before: number,
  job: JobFields,
  fields: Readonly<Record<string, string>>,
): Promise<void> {
  const delayMs = Math.min(Math.ceil(outcome.delayMs), LONGEST_MS);
  const succeededHandlers = union(job, outcome.succeededHandlers);
  const progress = toJson({ succeededHandlers, before, dueAt: now + delayMs });
  await bullmq.moveToDelayed(id, delayMs === 0 ? AT_ONCE : now, delayMs, token, {
    skipAttempt: outcome.type === 'released',
    fieldsToUpdate: { ...fields, progress },
  });
}

function union({ progress }: JobFields, succeededHandlers: readonly string[]): readonly string[] {
  return [...new Set([...progress.succeededHandlers, ...succeededHandlers])];
}

function toJson(progress: Progress): string {
  return JSON.stringify(progress);
}

const REFUSALS: readonly unknown[] = [
  ErrorCode.JobNotExist,
  ErrorCode.JobLockNotExist,
  ErrorCode.JobLockMismatch,
  ErrorCode.JobNotInState,
];

/** Why BullMQ does not let a job be moved; `null` when it was. */
async function refusal(work: () => Promise<void>): Promise<ErrorCode | null> {
  try {
    await work();
    return null;
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as { code?: ErrorCode };
    if (code !== undefined && REFUSALS.includes(code)) return code;
    throw error;
  }
}
