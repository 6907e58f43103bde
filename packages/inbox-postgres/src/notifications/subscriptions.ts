import { systemClock } from '@novita-webhooks/core';

import { createPollThrottle, type PollThrottle } from './poll-throttle.ts';

/** The consumers of this process, each with an endpoint and a poll throttle. */
export interface Subscriptions {
  /** @returns removes the subscription */
  add(endpoint: string, poll: () => void): () => void;
  clear(): void;
  isEmpty(): boolean;
  /** @param endpoint `undefined`: every one, since notifications may be missing */
  notify(endpoint?: string): void;
  /** Reports how many entries a claim returned. */
  claimed(endpoint: string, entries: number): void;
}

export function createSubscriptions(): Subscriptions {
  const all = new Set<{ readonly endpoint: string; readonly throttle: PollThrottle }>();
  return {
    add(endpoint, poll) {
      const throttle = createPollThrottle({ poll, clock: systemClock, random: Math.random });
      const subscription = { endpoint, throttle };
      all.add(subscription);
      return () => {
        throttle.stop();
        all.delete(subscription);
      };
    },
    clear() {
      for (const { throttle } of all) throttle.stop();
      all.clear();
    },
    isEmpty: () => all.size === 0,
    notify(endpoint) {
      for (const each of all) {
        if (endpoint === undefined || endpoint === each.endpoint) each.throttle.notify();
      }
    },
    claimed(endpoint, entries) {
      for (const each of all) if (endpoint === each.endpoint) each.throttle.claimed(entries);
    },
  };
}
