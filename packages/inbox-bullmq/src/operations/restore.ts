import type { Entry } from '@novita-webhooks/core';

import { nonceOf, toDelayMs } from '../bullmq/job.ts';
import type { Restored } from '../bullmq/progress.ts';
import type { EndpointQueue, Queues } from '../bullmq/queues.ts';
import { addToQueue, toBatches, toJob, type NewJob } from './add-to-queue.ts';
import type { Claimer } from './claim.ts';

/**
 * Adds entries of another inbox. Their state is in the data of their jobs, so that a crash cannot part
 * the two. BullMQ adds jobs that wait only. So done and dead entries are added as the next jobs of the
 * queue, and the claim that gets one moves it to its state without running it.
 */
export async function restoreEntries(
  queues: Queues,
  claimerOf: (endpoint: string) => Claimer,
  entries: readonly Entry[],
): Promise<number> {
  let restored = 0;
  for (const batch of toBatches(entries.map((entry) => ({ job: toRestoredJob(entry) })))) {
    const jobs = batch.map(({ job }) => job);
    const endpoint = jobs[0]?.data.endpoint ?? '';
    const added = await add(queues, queues.of(endpoint), jobs);
    restored += added.length;
    const finished = added.filter(({ data }) => data.restored?.state !== undefined).length;
    if (finished > 0) await claimerOf(endpoint).moveRestored(finished);
  }
  return restored;
}

/** Returns those whose keys were free. */
async function add(
  queues: Queues,
  queue: EndpointQueue,
  jobs: readonly NewJob[],
): Promise<readonly NewJob[]> {
  const placed = await addToQueue(queues, queue, jobs);
  const isOurs = jobs.map(async ({ id, data }, index) => {
    if (placed[index] === 'added') return true;
    if (placed[index] === 'other_task') await addWithoutToken(queues, queue, jobs[index]);
    const job = await queue.job(id);
    return job !== undefined && nonceOf(job) === data.nonce;
  });
  const checked = await Promise.all(isOurs);
  return jobs.filter((_, index) => checked[index]);
}

/** Nothing of another inbox may be lost. */
async function addWithoutToken(queues: Queues, queue: EndpointQueue, job: NewJob | undefined) {
  if (job === undefined) return;
  await addToQueue(queues, queue, [{ ...job, data: { ...job.data, tokenId: null } }]);
}

function toRestoredJob(entry: Entry): NewJob {
  const { state, originalBody } = entry;
  const restored = toRestored(entry);
  const job = toJob(entry);
  return {
    ...job,
    data: { ...job.data, originalBody, restored },
    opts:
      state === 'done' || state === 'dead'
        ? { lifo: true }
        : { delay: toDelayMs((restored.dueAt ?? 0) - Date.now()) },
  };
}

function toRestored(entry: Entry): Restored {
  const { state, attempts, reason, replays, partialReplay, attemptLog, dueAt, finishedAt } = entry;
  const succeededHandlers = state === 'done' ? [] : entry.succeededHandlers;
  const kept = { succeededHandlers, reason, replays, partialReplay, attemptLog };
  if (state === 'done' || state === 'dead') {
    // The claim that moves it is BullMQ's first attempt.
    const counts = { attempts, uncounted: 1, settled: 1, countedAt: 1, doneAt: 1 };
    return { ...kept, ...counts, state, finishedAt: finishedAt ?? Date.now() };
  }
  const counts = { uncounted: -attempts, settled: 0, countedAt: 0, doneAt: 0 };
  return { ...kept, ...counts, dueAt: state === 'pending' && dueAt !== null ? dueAt : Date.now() };
}
