import type { EntryKey, Outcome } from '../inbox/ports.ts';

/** One reply that waits for the next outcome of an entry. */
interface OutcomeWaiter {
  readonly outcome: Promise<Outcome>;
  /** To be called in the end, whether the outcome came or not. */
  remove(): void;
}

/** Lets replies wait for the outcome of an attempt that runs in this process. */
export interface OutcomeWaiters {
  add(key: EntryKey): OutcomeWaiter;
  /** Resolves every waiter of the entry. */
  resolve(key: EntryKey, outcome: Outcome): void;
}

/** For the entries of one endpoint: the task id identifies a waiter. */
export function createOutcomeWaiters(): OutcomeWaiters {
  const resolversByTask = new Map<string, Set<(outcome: Outcome) => void>>();
  return {
    add({ taskId }) {
      const resolvers = resolversByTask.get(taskId) ?? new Set();
      resolversByTask.set(taskId, resolvers);
      let resolver: (outcome: Outcome) => void = () => undefined;
      const outcome = new Promise<Outcome>((resolve) => (resolver = resolve));
      resolvers.add(resolver);
      return {
        outcome,
        remove() {
          resolvers.delete(resolver);
          if (resolvers.size === 0 && resolversByTask.get(taskId) === resolvers) {
            resolversByTask.delete(taskId);
          }
        },
      };
    },
    resolve({ taskId }, outcome) {
      const resolvers = resolversByTask.get(taskId);
      if (resolvers === undefined) return;
      resolversByTask.delete(taskId); // a request that was cut off never removes its waiter
      for (const resolver of resolvers) resolver(outcome);
    },
  };
}
