import type { Connection, ConnectionOptions } from './connection.ts';
import type { Queue } from './queues.ts';
import { watchForStalled } from './recovery.ts';
import { createWaker, type Waker } from './waking.ts';

/** Who wants to hear of what is due, by endpoint. */
export interface Subscriptions {
  /** See Store.subscribe. */
  subscribe(queue: Queue, heard: () => void): () => void;
  /** Says whether a claim has left room for more. */
  claimed(endpoint: string, isHungry: boolean): void;
  stop(): void;
}

interface Subscribers {
  readonly all: Set<() => void>;
  readonly waker: Waker;
  stop(): void;
}

/** @param checkMs time between two looks for jobs whose worker is gone */
export function createSubscriptions(
  connection: Connection,
  options: ConnectionOptions,
  checkMs: number,
): Subscriptions {
  const byEndpoint = new Map<string, Subscribers>();

  function begin(queue: Queue): Subscribers {
    const all = new Set<() => void>();
    const ring = () => all.forEach((heard) => heard());
    const waker = createWaker(queue, options, ring);
    const stopWatching = watchForStalled(connection, queue, checkMs, ring);
    const stop = () => {
      waker.stop();
      stopWatching();
    };
    return { all, waker, stop };
  }

  return {
    subscribe(queue, heard) {
      const { endpoint } = queue;
      const own = () => heard(); // the same function may be given twice
      const subscribers = byEndpoint.get(endpoint) ?? begin(queue);
      byEndpoint.set(endpoint, subscribers);
      subscribers.all.add(own);
      return () => {
        subscribers.all.delete(own);
        if (subscribers.all.size > 0) return;
        subscribers.stop();
        if (byEndpoint.get(endpoint) === subscribers) byEndpoint.delete(endpoint);
      };
    },
    claimed(endpoint, isHungry) {
      const subscribers = byEndpoint.get(endpoint);
      // Of several nobody knows who claimed: that one has no room says nothing of the others.
      if (isHungry || subscribers?.all.size === 1) subscribers?.waker.setHungry(isHungry);
    },
    stop() {
      for (const { stop } of byEndpoint.values()) stop();
    },
  };
}
