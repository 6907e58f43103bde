import type { EntryKey, Outcome } from '../inbox/ports.ts';

/** Lets replies wait for the outcome of an attempt that runs in this process. */
export interface Settlements {
  /** The next outcome of an entry. Whoever asks must call `forget` in the end. */
  next(key: EntryKey): { readonly promise: Promise<Outcome>; readonly forget: () => void };
  announce(key: EntryKey, outcome: Outcome): void;
}

export function createSettlements(): Settlements {
  const waiting = new Map<string, Set<(outcome: Outcome) => void>>();
  return {
    next({ taskId }) {
      const waiters = waiting.get(taskId) ?? new Set();
      waiting.set(taskId, waiters);
      let settle: (outcome: Outcome) => void = () => undefined;
      const promise = new Promise<Outcome>((resolve) => (settle = resolve));
      waiters.add(settle);
      return {
        promise,
        forget() {
          waiters.delete(settle);
          if (waiters.size === 0) waiting.delete(taskId);
        },
      };
    },
    announce({ taskId }, outcome) {
      for (const settle of waiting.get(taskId) ?? []) settle(outcome);
    },
  };
}
