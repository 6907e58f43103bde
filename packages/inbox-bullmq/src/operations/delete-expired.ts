import type { Retention } from '@novita-webhooks/core';

import type { EndpointQueue, Queues } from '../bullmq/queues.ts';
import { countJobs } from './stats.ts';

/** Jobs removed by one call: Redis does nothing else meanwhile. */
const BATCH = 200;
const MAX_BATCHES = 500;
/** Batches of the order of arrival that are checked each time. The next time goes on from there. */
const MAX_CHECKED_BATCHES = 50;

/**
 * Deletes what is past its retention. BullMQ's `removeOnComplete` would do so only when another job
 * finishes, and would leave the order of arrival as it is.
 */
export function createDeleteExpired(queues: Queues): (retention: Retention) => Promise<number> {
  const checks = new Map<EndpointQueue, () => Promise<void>>();

  function checkOf(queue: EndpointQueue): () => Promise<void> {
    const check = checks.get(queue) ?? createOrderCheck(queue);
    checks.set(queue, check);
    return check;
  }

  return async ({ doneMs, deadMs }) => {
    let deleted = 0;
    for (const queue of await queues.all()) {
      const { completed, failed } = await countJobs(queue);
      if (completed > 0) deleted += await clean(queue, 'completed', doneMs);
      if (failed > 0) deleted += await clean(queue, 'failed', deadMs);
      await checkOf(queue)();
    }
    return deleted;
  };
}

async function clean(
  queue: EndpointQueue,
  state: 'completed' | 'failed',
  ageMs: number,
): Promise<number> {
  let deleted = 0;
  for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
    const ids = await queue.run((bullmq) => bullmq.clean(ageMs, BATCH, state));
    deleted += ids.length;
    await queue.forget(ids);
    if (ids.length < BATCH) break;
  }
  return deleted;
}

/**
 * Takes ids out of the order of arrival whose jobs a dashboard removed, or a crash kept from being
 * added. An id goes when its job is missing in two checks: at the first it may be about to be added.
 */
function createOrderCheck(queue: EndpointQueue): () => Promise<void> {
  const suspects = new Set<string>();
  let cursor = '0';

  async function checkBatch(): Promise<void> {
    const [next, flat] = await queue.redis((client) =>
      client.zscan(queue.arrivals, cursor, 'COUNT', BATCH),
    );
    cursor = next;
    const missing = await findMissing(
      queue,
      flat.filter((_, index) => index % 2 === 0),
    );
    const gone = missing.filter((id) => suspects.delete(id));
    await queue.forget(gone);
    for (const id of missing) if (!gone.includes(id)) suspects.add(id);
  }

  return async () => {
    for (let batch = 0; batch < MAX_CHECKED_BATCHES; batch += 1) {
      await checkBatch();
      if (cursor === '0') return;
    }
  };
}

/** The ids without a job. Redis is asked first, since it can tell without sending the jobs. */
async function findMissing(queue: EndpointQueue, ids: readonly string[]): Promise<string[]> {
  const exists = await queue.run((bullmq) =>
    Promise.all(ids.map((id) => queue.redis((client) => client.exists(bullmq.toKey(id))))),
  );
  const doubtful = ids.filter((_, index) => exists[index] === 0);
  const jobs = await Promise.all(doubtful.map((id) => queue.job(id)));
  return doubtful.filter((_, index) => jobs[index] === undefined);
}
