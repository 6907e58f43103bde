import type { Entry, EntryKey } from '@novita-webhooks/core';

import { failOnError } from './adder.ts';
import type { Connection } from './connection.ts';
import { toEntry, toJobFields, type JobFields, type Place } from './job.ts';
import { toJobId } from './names.ts';
import type { Queue, Queues } from './queues.ts';

/** Looks an entry up. */
export async function get(
  connection: Connection,
  queues: Queues,
  { endpoint, taskId }: EntryKey,
): Promise<Entry | undefined> {
  const [entry] = await readEntries(connection, queues.of(endpoint), [toJobId(taskId)]);
  return entry ?? undefined;
}

/** Of every job the same moment; `null` where there is none, or none of ours. */
export async function readEntries(
  connection: Connection,
  queue: Queue,
  ids: readonly string[],
): Promise<(Entry | null)[]> {
  if (ids.length === 0) return [];
  const replies = await connection.run(async (client) => {
    const transaction = client.multi().lrange(queue.key('active'), 0, -1);
    for (const id of ids) {
      transaction
        .hgetall(queue.key(id))
        .zscore(queue.key('completed'), id)
        .zscore(queue.key('failed'), id)
        .zscore(queue.key('delayed'), id)
        .pttl(queue.key(`${id}:lock`));
    }
    return failOnError(await transaction.exec());
  });
  const active = new Set(replies[0] as string[]);
  return ids.map((id, index) => {
    const mine = replies.slice(1 + PER_JOB * index, 1 + PER_JOB * (index + 1));
    const [hash, ...rest] = mine as [Record<string, string>, ...Scores];
    if (hash['data'] === undefined) return null;
    const job = toJobFields(hash);
    return toEntry(job, placeOf(job, active.has(id), rest));
  });
}

const PER_JOB = 5;

type Scores = [
  completed: string | null,
  failed: string | null,
  delayed: string | null,
  lockMs: number,
];

function placeOf(
  job: JobFields,
  isActive: boolean,
  [completed, failed, delayed, lockMs]: Scores,
): Place {
  if (completed !== null) return { state: 'done', dueAt: null };
  if (failed !== null) return { state: 'dead', dueAt: null };
  if (isActive) return { state: 'running', dueAt: Date.now() + Math.max(0, lockMs) };
  return { state: 'pending', dueAt: delayed === null ? dueSince(job) : toTime(delayed) };
}

/** Since when a waiting job is due. What was given another series is due since it was. */
export function dueSince({ progress, timestamp }: JobFields): number {
  return progress.dueAt ?? (progress.before === undefined ? timestamp : Date.now());
}

/** BullMQ's scores hold the milliseconds, and 12 bits for the order within one. */
export function toTime(score: string | number): number {
  return Math.floor(Number(score) / 0x1000);
}
