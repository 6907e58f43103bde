import type { EntryKey } from '@novita-webhooks/core';

import { toJobId } from '../bullmq/names.ts';
import type { EndpointQueue } from '../bullmq/queues.ts';

/** Removes a job that is not running. Of several calls at once, one returns true. */
export async function discard(queue: EndpointQueue, { taskId }: EntryKey): Promise<boolean> {
  const id = toJobId(taskId);
  const state: string = await queue.run((bullmq) => bullmq.getJobState(id));
  if (state === 'active' || state === 'unknown') return false;
  const removed = await queue.run((bullmq) => bullmq.remove(id)); // not when it is locked
  if (removed !== 1) return false;
  return (await queue.forget([id])) === 1;
}
