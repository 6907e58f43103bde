import { setMaxListeners } from 'node:events';

import type { Delivery } from './delivery.ts';
import { createExchange, type Exchange } from './http-post.ts';
import { createLimit, type Limit } from './semaphore.ts';
import { createLinks, type Links } from './links.ts';
import type { Options } from './options.ts';
import type { Plan } from './plan.ts';
import type { Task } from './task.ts';

/** All that a simulator remembers. */
export interface State {
  readonly options: Options;
  readonly url: string;
  readonly links: Links;
  readonly exchange: Exchange;
  readonly limit: Limit;
  readonly tasks: Map<string, Task>;
  readonly deliveries: Delivery[];
  /** Plans that `submit()` left for the request it is about to make, by ticket. */
  readonly tickets: Map<string, Plan>;
  /** Tasks that run and deliveries under way. */
  readonly work: Set<Promise<unknown>>;
  readonly closing: AbortController;
}

export const createState = (options: Options, url: string): State => {
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // every task and delivery under way listens
  return {
    options,
    url,
    links: createLinks(url, options.linkTtlSeconds, options.now),
    exchange: createExchange(options.deliveryTimeoutMs, closing.signal),
    limit: createLimit(options.concurrency),
    tasks: new Map(),
    deliveries: [],
    tickets: new Map(),
    work: new Set(),
    closing,
  };
};

/** Counts as work until it is done. What fails because the simulator was closed is no failure. */
export const track = async (state: State, run: Promise<unknown>): Promise<void> => {
  const work = run.catch((error: unknown) => {
    if (!state.closing.signal.aborted) throw error;
  });
  state.work.add(work);
  try {
    await work;
  } finally {
    state.work.delete(work);
  }
};

export const idle = async ({ work }: State): Promise<void> => {
  while (work.size > 0) await Promise.allSettled(work);
};
