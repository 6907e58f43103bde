import type { EntryKey, InboxStats } from '@novita-webhooks/core';
import { ErrorCode } from 'bullmq';

import type { Connection } from './connection.ts';
import { toJobFields } from './job.ts';
import { forgetIds } from './listing.ts';
import { toJobId } from './names.ts';
import { dueSince, get, toTime } from './reading.ts';
import type { Queue, Queues } from './queues.ts';
import { peek } from './scripts.ts';

/** A retry as BullMQ has it, by us or by a dashboard, is another series. */
export async function replay(
  connection: Connection,
  queues: Queues,
  key: EntryKey,
): Promise<boolean> {
  const { bullmq } = queues.of(key.endpoint);
  const id = toJobId(key.taskId);
  const job = { id, opts: {} } as Parameters<typeof bullmq.retryFinishedJob>[0];
  for (const state of ['failed', 'completed'] as const) {
    try {
      await connection.run(() => bullmq.retryFinishedJob(job, state, { resetAttemptsMade: true }));
      return true;
    } catch (error) {
      const { code } = ((error as Error).cause ?? {}) as { code?: ErrorCode };
      if (code === ErrorCode.JobNotExist) return false;
      if (code !== ErrorCode.JobNotInState) throw error;
    }
  }
  return false;
}

/** Of several that do so at once, one is told that it did. */
export async function discard(
  connection: Connection,
  queues: Queues,
  key: EntryKey,
): Promise<boolean> {
  const queue = queues.of(key.endpoint);
  const id = toJobId(key.taskId);
  const entry = await get(connection, queues, key);
  if (entry === undefined || entry.state === 'running') return false;
  const removed = await connection.run(() => queue.bullmq.remove(id, false)); // not when locked
  return removed === 1 && (await forgetIds(connection, queues, queue, [id])) === 1;
}

const STATES = ['wait', 'delayed', 'prioritized', 'active', 'completed', 'failed'] as const;

export async function stats(connection: Connection, queues: Queues): Promise<InboxStats> {
  const each = await Promise.all(
    (await queues.all()).map((queue) => statsOf(connection, queues, queue)),
  );
  const sum = (state: Exclude<keyof InboxStats, 'lagMs'>) =>
    each.reduce((total, { [state]: count }) => total + count, 0);
  return {
    pending: sum('pending'),
    running: sum('running'),
    done: sum('done'),
    dead: sum('dead'),
    lagMs: Math.max(0, ...each.map(({ lagMs }) => lagMs)),
  };
}

async function statsOf(connection: Connection, queues: Queues, queue: Queue): Promise<InboxStats> {
  const counts = await connection.run(() => queue.bullmq.getCounts([...STATES]));
  const [wait = 0, delayed = 0, prioritized = 0, active = 0, done = 0, dead = 0] = counts;
  const dueAt = await oldestDue(connection, queues, queue);
  return {
    pending: wait + delayed + prioritized,
    running: active,
    done,
    dead,
    lagMs: connection.now() - dueAt,
  };
}

/** Since when the first in the queue is due. */
async function oldestDue(connection: Connection, queues: Queues, queue: Queue): Promise<number> {
  const [, first, [, delayed]] = await next(connection, queues, queue);
  const now = connection.now();
  const due = delayed === undefined ? Infinity : (toTime(delayed) ?? now);
  if (first === null) return due;
  const hash = await connection.run((client) => client.hgetall(queue.key(first)));
  return hash['data'] === undefined ? due : Math.min(due, dueSince(toJobFields(hash), now));
}

type Next = [
  waiting: number,
  first: string | null,
  delayed: readonly [] | readonly [id: string, score: string],
  active: number,
  limits: readonly unknown[],
];

async function next(connection: Connection, queues: Queues, queue: Queue): Promise<Next> {
  const keys = ['wait', 'delayed', 'active', 'meta'].map((suffix) => queue.key(suffix));
  const client = await queues.client;
  return connection.run(() => client.runCommand(peek.name, keys)) as Promise<Next>;
}

/** Milliseconds until there may be something to claim. */
export async function nextDueMs(
  connection: Connection,
  queues: Queues,
  queue: Queue,
  leaseDurationMs: number,
): Promise<number | null> {
  const [waiting, , [, delayed], active, limits] = await next(connection, queues, queue);
  // Somebody has paused the queue or set it a limit: waiting does not mean that it can be claimed.
  const isHeldBack = limits.some((limit) => limit !== null);
  if (waiting > 0 && !isHeldBack) return 0;
  const due = [
    ...(delayed === undefined ? [] : [Math.max(0, (toTime(delayed) ?? 0) - connection.now())]),
    ...(active > 0 ? [leaseDurationMs] : []),
  ];
  return due.length === 0 ? null : Math.min(...due);
}
