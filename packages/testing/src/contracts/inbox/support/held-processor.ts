import type { Entry, EntryProcessor, Outcome } from '@novita-webhooks/core';

/** An entry processor whose attempts end only when the test says so. */
export interface HeldProcessor {
  readonly run: EntryProcessor;
  /** The entries of all attempts, in the order in which they began. */
  readonly entries: readonly Entry[];
  /** Ends the oldest open attempt. */
  finish(outcome: Outcome): void;
}

export function createHeldProcessor(): HeldProcessor {
  const entries: Entry[] = [];
  const open: ((outcome: Outcome) => void)[] = [];
  return {
    entries,
    finish: (outcome) => open.shift()?.(outcome),
    run(entry) {
      entries.push(entry);
      return new Promise((resolve) => open.push(resolve));
    },
  };
}

/** A processor that settles an entry as released once its signal is aborted. */
export function createReleasingProcessor(
  onStart: (signal: AbortSignal) => void,
  succeededHandlers: readonly string[] = [],
): EntryProcessor {
  return (_, signal) => {
    onStart(signal);
    const released: Outcome = { type: 'released', delayMs: 0, succeededHandlers };
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve(released)));
  };
}
