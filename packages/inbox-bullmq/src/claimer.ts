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

/** Takes jobs of one queue with BullMQ's own script. */
export interface Claimer {
  /** Up to `limit` of them. Each has a token of its own, which is its fence. */
  claim(limit: number): Promise<Held[]>;
}

type Taken = Held | 'foreign' | null;

/**
 * BullMQ hands out one job at a time. As many are asked for at once as there may be: one to begin
 * with, since mostly there is no more, or all after a claim that got all.
 */
export function createClaimer(
  connection: Connection,
  queue: Queue,
  leaseDurationMs: number,
): Claimer {
  let wasFull = false;
  return {
    async claim(limit) {
      const held: Held[] = [];
      for (let asked = wasFull ? limit : 1; held.length < limit; asked *= 2) {
        const count = Math.min(asked, limit - held.length);
        const found = (await takeSome(count, connection, queue, leaseDurationMs, held)).filter(
          isTaken,
        );
        held.push(...found.filter((one) => one !== 'foreign'));
        if (found.length < count) break;
      }
      wasFull = held.length === limit;
      return held;
    },
  };
}

function isTaken(taken: Taken): taken is Held | 'foreign' {
  return taken !== null;
}

/** Those that failed may have been taken all the same: their locks will run out. */
async function takeSome(
  count: number,
  connection: Connection,
  queue: Queue,
  leaseDurationMs: number,
  held: readonly Held[],
): Promise<Taken[]> {
  const takes = Array.from({ length: count }, () => take(connection, queue, leaseDurationMs));
  const results = await Promise.allSettled(takes);
  const taken = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = results.find((one) => one.status === 'rejected');
  if (failed && held.length === 0 && !taken.some(isTaken)) throw failed.reason;
  return taken;
}

async function take(connection: Connection, queue: Queue, leaseDurationMs: number): Promise<Taken> {
  const fencingToken = `${WORKER}.${randomUUID()}`;
  const taken = await connection.run(() => queue.bullmq.moveToActive(fencingToken, fencingToken));
  const [json, id = ''] = taken as [JobJson?, string?];
  if (!json) return null;
  const job = fieldsOf(json);
  const place = { state: 'running', dueAt: connection.now() + leaseDurationMs } as const;
  const entry = toEntry(job, id, queue.endpoint, place);
  if (entry !== null) return { ...entry, fencingToken, job };
  await fail(connection, queue, id, fencingToken, 'this job is no entry of this inbox');
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
