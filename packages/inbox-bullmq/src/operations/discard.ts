import type { EntryTarget } from '@novita-webhooks/core';

import { toJobId } from '../bullmq/names.ts';
import type { EndpointQueue } from '../bullmq/queues.ts';
import { findUnchanged } from './find-unchanged.ts';

/**
 * Removes a job that is not running. Of several calls at once, one returns true. If an entry is replayed
 * between the reading and `remove`, about a round trip, it is removed all the same.
 */
export async function discard(queue: EndpointQueue, target: EntryTarget): Promise<boolean> {
  const found = await findUnchanged(queue, target);
  if (found === null || found.state === 'active' || found.state === 'unknown') return false;
  const id = toJobId(target.taskId);
  const removed = await queue.run((bullmq) => bullmq.remove(id)); // not when it is locked
  if (removed !== 1) return false;
  return (await queue.forget([id])) === 1;
}
