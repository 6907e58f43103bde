import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

import type { Claim } from '@novita-webhooks/core';
import type { JobJson } from 'bullmq';

import type { Connection } from './connection.ts';
import { toEntry, toProgress, type JobFields } from './job.ts';
import type { Queue } from './queues.ts';
import { fail } from './settling.ts';

/** A claimed job, as it has to be known to settle it. */
export interface Held extends Claim {
  readonly job: JobFields;
}

/** What dashboards show as the worker that processes a job. */
const WORKER = `${hostname()}.${process.pid}`;

/**
 * Takes jobs with BullMQ's own script, one after the other as it does: one to see whether there is
 * any, then as many as fit. Each has a token of its own, which is its fence.
 */
export async function claim(
  connection: Connection,
  queue: Queue,
  limit: number,
  leaseMs: number,
): Promise<Held[]> {
  const first = await take(connection, queue, leaseMs);
  if (first === null) return [];
  const others = Array.from({ length: limit - 1 }, () => take(connection, queue, leaseMs));
  // Those that failed may have been taken all the same: their locks will run out.
  const rest = (await Promise.allSettled(others)).flatMap((taken) =>
    taken.status === 'fulfilled' && taken.value ? [taken.value] : [],
  );
  return [first, ...rest].filter((held) => held !== 'foreign');
}

async function take(
  connection: Connection,
  queue: Queue,
  leaseMs: number,
): Promise<Held | 'foreign' | null> {
  const fence = `${WORKER}.${randomUUID()}`;
  const [json] = (await connection.run(() => queue.bullmq.moveToActive(fence, fence))) as [
    JobJson?,
  ];
  if (!json) return null;
  const job = fieldsOf(json);
  const entry = toEntry(job, { state: 'running', dueAt: Date.now() + leaseMs });
  if (entry !== null) return { ...entry, fence, job };
  await fail(connection, queue, json.id, fence, 'this job is no entry of this inbox');
  return 'foreign';
}

function fieldsOf(json: JobJson): JobFields {
  return {
    data: json.data,
    ats: json.attemptsStarted,
    progress: toProgress(json.progress),
    failedReason: (json as Partial<JobJson>).failedReason ?? '',
    timestamp: json.timestamp,
    finishedOn: null,
  };
}
