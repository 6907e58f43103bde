import type { ClaimRef } from '@novita-webhooks/core';

import type { EntryJob } from '../bullmq/job.ts';
import { toJobId } from '../bullmq/names.ts';
import type { EndpointQueue } from '../bullmq/queues.ts';
import { extendLock } from './settle.ts';

/** Whether the lock was extended. BullMQ does not give back one that has ended. */
export async function extend(
  queue: EndpointQueue,
  claim: ClaimRef & { readonly job?: EntryJob },
  leaseDurationMs: number,
): Promise<boolean> {
  const job = claim.job ?? (await queue.job(toJobId(claim.taskId)));
  return job !== undefined && extendLock(queue, job, claim.fencingToken, leaseDurationMs);
}
