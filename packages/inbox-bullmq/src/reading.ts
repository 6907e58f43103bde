import type { Entry, EntryKey } from '@novita-webhooks/core';

import type { Connection } from './connection.ts';
import { toEntry, toJobFields, type JobFields, type Place } from './job.ts';
import { toJobId } from './names.ts';
import type { Queue, Queues } from './queues.ts';
import { look } from './scripts.ts';

/** Looks an entry up. */
export async function get(
  connection: Connection,
  queues: Queues,
  { endpoint, taskId }: EntryKey,
): Promise<Entry | undefined> {
  const [entry] = await readEntries(connection, queues, queues.of(endpoint), [toJobId(taskId)]);
  return entry ?? undefined;
}

/** Of every job the same moment; `null` where there is none, or none of ours. */
export async function readEntries(
  connection: Connection,
  queues: Queues,
  queue: Queue,
  ids: readonly string[],
): Promise<(Entry | null)[]> {
  if (ids.length === 0) return [];
  const keys = ['active', 'completed', 'failed', 'delayed'].map((set) => queue.key(set));
  const client = await queues.client;
  const args = [...keys, queue.key(''), ...ids];
  const found = (await connection.run(() => client.runCommand(look.name, args))) as Found[];
  return found.map(([flat, ...place], index) => {
    const hash = toHash(flat);
    if (hash['data'] === undefined) return null;
    const job = toJobFields(hash);
    return toEntry(job, ids[index] ?? '', queue.endpoint, placeOf(job, connection.now(), place));
  });
}

type Found = [hash: readonly string[], ...Whereabouts];

type Whereabouts = [
  isActive: number,
  completed: string | null,
  failed: string | null,
  delayed: string | null,
  lockMs: number,
];

function toHash(flat: readonly string[]): Readonly<Record<string, string>> {
  const pairs = flat.flatMap((name, index) => (index % 2 ? [] : [[name, flat[index + 1] ?? '']]));
  return Object.fromEntries(pairs) as Readonly<Record<string, string>>;
}

function placeOf(
  job: JobFields,
  now: number,
  [isActive, completed, failed, delayed, lockMs]: Whereabouts,
): Place {
  if (completed !== null) return { state: 'done', dueAt: null };
  if (failed !== null) return { state: 'dead', dueAt: null };
  if (isActive === 1) return { state: 'running', dueAt: now + Math.max(0, lockMs) };
  return {
    state: 'pending',
    dueAt: (delayed === null ? null : toTime(delayed)) ?? dueSince(job, now),
  };
}

/** Since when a waiting job is due. What was given another series is due since it was. */
export function dueSince({ progress, timestamp }: JobFields, now: number): number {
  return progress.dueAt ?? (progress.before === undefined ? timestamp : now);
}

/** What is delayed until then is due at once, whatever a clock says. */
export const AT_ONCE = 1;

/**
 * When a delayed job is due; `null` at once. BullMQ's scores hold the milliseconds, and 12 bits for the
 * order within one.
 */
export function toTime(score: string | number): number | null {
  const time = Math.floor(Number(score) / 0x1000);
  return time === AT_ONCE ? null : time;
}
