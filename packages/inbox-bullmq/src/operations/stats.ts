import type { InboxStats } from '@novita-webhooks/core';

import { dueSince } from '../bullmq/job.ts';
import type { EndpointQueue, Queues } from '../bullmq/queues.ts';

export async function stats(queues: Queues): Promise<InboxStats> {
  const each = await Promise.all((await queues.all()).map(statsOf));
  const sum = (state: Exclude<keyof InboxStats, 'expected'>) =>
    each.reduce((total, one) => total + one[state], 0);
  return {
    expected: null, // among the delayed jobs, which BullMQ does not tell apart
    pending: sum('pending'),
    running: sum('running'),
    done: sum('done'),
    dead: sum('dead'),
    lagMs: Math.max(0, ...each.map(({ lagMs }) => lagMs)),
  };
}

async function statsOf(queue: EndpointQueue): Promise<Omit<InboxStats, 'expected'>> {
  const { waiting, delayed, active, completed, failed } = await countJobs(queue);
  const [first] = waiting > 0 ? await queue.run((bullmq) => bullmq.getWaiting(0, 0)) : [];
  const due = [first === undefined ? Infinity : dueSince(first), await firstDelayed(queue)];
  return {
    pending: waiting + delayed,
    running: active,
    done: completed,
    dead: failed,
    lagMs: Date.now() - Math.min(...due),
  };
}

/** How many jobs are in each state. */
export interface JobCounts {
  readonly waiting: number;
  readonly delayed: number;
  readonly active: number;
  readonly completed: number;
  readonly failed: number;
}

export async function countJobs(queue: EndpointQueue): Promise<JobCounts> {
  const counts = await queue.run((bullmq) =>
    bullmq.getJobCounts('waiting', 'prioritized', 'delayed', 'active', 'completed', 'failed'),
  );
  const {
    waiting = 0,
    prioritized = 0,
    delayed = 0,
    active = 0,
    completed = 0,
    failed = 0,
  } = counts;
  const { paused = 0 } = counts; // BullMQ 5 keeps what waits in a paused queue apart
  return { waiting: waiting + prioritized + paused, delayed, active, completed, failed };
}

/** When the first of the delayed jobs is due, in milliseconds since 1970. */
export async function firstDelayed(queue: EndpointQueue): Promise<number> {
  const [job] = await queue.run((bullmq) => bullmq.getDelayed(0, 0));
  return job === undefined ? Infinity : dueSince(job);
}
