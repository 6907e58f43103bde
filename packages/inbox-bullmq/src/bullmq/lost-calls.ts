import { extendLock, type Lock } from './lock.ts';
import type { EndpointQueue } from './queues.ts';
import { WORKER_NAME } from './worker.ts';

/** Calls for a job whose answer was lost with the connection: Redis may have handed out a job all the same. */
export interface LostCalls {
  /** Remembers the token of a call, unless it succeeds. */
  watch<T>(token: string, work: () => Promise<T>): Promise<T>;
  /** The locks that such calls have left. Without them, their jobs wait until the locks expire. */
  find(leaseDurationMs: number): Promise<readonly Lock[]>;
}

/** More tokens are forgotten: each is tried on each running job of this process. */
const MAX_TOKENS = 100;

export function createLostCalls(queue: EndpointQueue): LostCalls {
  const tokens = new Set<string>();

  return {
    async watch(token, work) {
      try {
        return await work();
      } catch (error) {
        if (tokens.size < MAX_TOKENS) tokens.add(token);
        throw error;
      }
    },
    async find(leaseDurationMs) {
      if (tokens.size === 0) return [];
      const tried = [...tokens]; // calls that fail meanwhile stay
      const ids = await queue.run((bullmq) => bullmq.getRanges(['active'], 0, -1));
      const jobs = await Promise.all(ids.map((id) => queue.job(id)));
      const own = jobs.flatMap((job) => (job?.processedBy === WORKER_NAME ? [job] : []));
      const extended = tried.flatMap((token) =>
        own.map(async (job) => {
          const lock = { job, token, leaseDurationMs };
          return (await extendLock(queue, lock)) ? [lock] : [];
        }),
      );
      const locks = (await Promise.all(extended)).flat();
      for (const token of tried) tokens.delete(token);
      return locks;
    },
  };
}
