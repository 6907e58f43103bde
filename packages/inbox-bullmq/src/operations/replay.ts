import type { EntryKey } from '@novita-webhooks/core';

import { toJobId } from '../bullmq/names.ts';
import type { EndpointQueue } from '../bullmq/queues.ts';

/** Begins another series of attempts. A retry in a dashboard does the same. */
export async function replay(queue: EndpointQueue, { taskId }: EntryKey): Promise<boolean> {
  const id = toJobId(taskId);
  const [job, state] = await Promise.all([
    queue.job(id),
    queue.run((bullmq) => bullmq.getJobState(id)),
  ]);
  if (job === undefined || (state !== 'completed' && state !== 'failed')) return false;
  try {
    await queue.run(() => job.retry(state));
    return true;
  } catch (error) {
    // Of several that replay it at once, BullMQ refuses all but the first.
    if ((await queue.run((bullmq) => bullmq.getJobState(id))) === state) throw error;
    return false;
  }
}
