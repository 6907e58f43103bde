import { setMaxListeners } from 'node:events';

import { createActivityFeed, type ActivityFeed } from './activity.ts';
import type { Delivery } from './delivery.ts';
import type { AttemptFault } from './faults.ts';
import { createHttpPost, type HttpPost } from './http-post.ts';
import { createLinks, type Links } from './links.ts';
import type { ResolvedOptions } from './options.ts';
import type { Plan } from './plan.ts';
import { createRateLimiter, type RateLimiter } from './rate-limiter.ts';
import { createSemaphore, type Semaphore } from './semaphore.ts';
import type { Task } from './task.ts';

/** Everything that one simulator holds. */
export interface State {
  readonly options: ResolvedOptions;
  readonly url: string;
  readonly links: Links;
  readonly httpPost: HttpPost;
  readonly semaphore: Semaphore;
  readonly tasks: Map<string, Task>;
  readonly deliveries: Delivery[];
  readonly activity: ActivityFeed;
  /** Faults of the next POSTs, which `breakNext()` adds. */
  readonly nextFaults: AttemptFault[];
  /** Events that the fault `reorder` holds back: functions that let one go. */
  readonly heldEvents: Set<() => void>;
  /** Rejected requests by reason. */
  readonly rejections: Map<string, number>;
  readonly rateLimiter: RateLimiter;
  /** Plans of running `submit()` calls. The request carries the key in a header. */
  readonly submitPlans: Map<string, Plan>;
  /** Running tasks and manual deliveries. */
  readonly running: Set<Promise<unknown>>;
  readonly closing: AbortController;
}

export const createState = (options: ResolvedOptions, url: string): State => {
  const closing = new AbortController();
  // Every running task and delivery listens to the signal. Node warns from 11 listeners on.
  setMaxListeners(0, closing.signal);
  return {
    options,
    url,
    links: createLinks(url, options.linkTtlSeconds, options.now),
    httpPost: createHttpPost(options.deliveryTimeoutMs, closing.signal),
    semaphore: createSemaphore(options.concurrency),
    tasks: new Map(),
    deliveries: [],
    activity: createActivityFeed(),
    nextFaults: [],
    heldEvents: new Set(),
    rejections: new Map(),
    rateLimiter: createRateLimiter(options.rateLimit, options.now),
    submitPlans: new Map(),
    running: new Set(),
    closing,
  };
};

/** Keeps a promise in `running` until it settles. Ignores its rejection after `close()`. */
export const track = async (state: State, promise: Promise<unknown>): Promise<void> => {
  const running = promise.catch((error: unknown) => {
    if (!state.closing.signal.aborted) throw error;
  });
  state.running.add(running);
  try {
    await running;
  } finally {
    state.running.delete(running);
  }
};

export const waitUntilIdle = async ({ running }: State): Promise<void> => {
  while (running.size > 0) await Promise.allSettled(running);
};

/** @throws {Error} after `close()` */
export const assertOpen = ({ closing }: State): void => {
  if (!closing.signal.aborted) return;
  throw new Error('simulator: the simulator is closed. Create another one.');
};
