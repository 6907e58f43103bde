import type { EndpointQueue } from '../bullmq/queues.ts';

/** How long one process may take to check a job and change it, in milliseconds. */
const GUARD_MS = 10_000;

/**
 * Does something with a job while no other process does. A second one could remove or overwrite what the
 * first has added since.
 *
 * @param work checks with `isInTime` before a change that the guard has not expired
 * @returns `undefined` if another process holds the guard
 */
export async function alone<T>(
  queue: EndpointQueue,
  id: string,
  work: (isInTime: () => boolean) => Promise<T>,
): Promise<T | undefined> {
  const guard = `${queue.arrivals}:removing:${id}`;
  const startedAt = performance.now();
  const isInTime = () => performance.now() - startedAt < GUARD_MS / 2;
  const isAlone = await queue.redis((client) => client.set(guard, '1', 'PX', GUARD_MS, 'NX'));
  if (isAlone === null) return undefined;
  try {
    return await work(isInTime);
  } finally {
    if (isInTime()) await queue.redis((client) => client.del(guard));
  }
}
