import { callHook } from './call-hook.ts';
import type { Delivery } from './delivery.ts';
import type { RequestReport } from './options.ts';
import type { SimulatedTask } from './task.ts';

/**
 * Something that happened. URLs carry no tokens, so an activity may be logged or shown.
 *
 * - `task`: a task was accepted, or its status or the state of its event changed
 * - `delivery`: a POST ended
 * - `rejected`: a request was answered with an error
 */
export type Activity =
  | { readonly type: 'task'; readonly at: number; readonly task: SimulatedTask }
  | { readonly type: 'delivery'; readonly at: number; readonly delivery: Delivery }
  | { readonly type: 'rejected'; readonly at: number; readonly request: RequestReport };

/** Is called with each activity. An error that it throws becomes a process warning. */
export type ActivityListener = (activity: Activity) => void;

/** Subscribers of one simulator. */
export interface ActivityFeed {
  /** Calls `create` only if there is a subscriber. */
  readonly publish: (create: () => Activity) => void;
  /** Returns a function that ends the subscription. */
  readonly subscribe: (listener: ActivityListener) => () => void;
}

export const createActivityFeed = (): ActivityFeed => {
  const subscriptions = new Set<{ readonly listener: ActivityListener }>();
  return {
    publish: (create) => {
      if (subscriptions.size === 0) return;
      const activity = create();
      for (const { listener } of [...subscriptions]) callHook(listener, activity);
    },
    subscribe: (listener) => {
      const subscription = { listener };
      subscriptions.add(subscription);
      return () => void subscriptions.delete(subscription);
    },
  };
};
