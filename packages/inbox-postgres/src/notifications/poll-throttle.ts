import type { Clock } from '@novita-webhooks/core';

/** Keeps a worker that is told of every event from looking for each of them in vain. */
export interface Restraint {
  /** Somebody says that there may be something to claim. */
  hear(): void;
  /** How many entries a look has found. */
  found(entries: number): void;
  stop(): void;
}

export interface RestraintOptions {
  readonly look: () => void;
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
}

/** A look in vain is paid off in this time, or by an entry; past so many the next call has to wait. */
const VAIN_MS = 200;
const MOST_VAIN = 5;
/** Whatever the clock does: nobody waits for longer. */
const LONGEST_MS = 2 * VAIN_MS;

/**
 * Everybody who listens hears of an event, and one of them gets it: without this, a hundred workers
 * ask a hundred times for each. Whoever finds something half of the time looks at once, every time;
 * whoever does not looks some five times a second, at a time of its own, until it does. Several who
 * listen at one endpoint in one process are not told apart: they look rather too often.
 */
export function createRestraint({ look, clock, random }: RestraintOptions): Restraint {
  let paidAt = 0;
  let isTold = false;
  let cancel: (() => void) | undefined;

  function tell(): void {
    cancel = undefined;
    isTold = true;
    look();
  }

  return {
    hear() {
      const waitMs = Math.min(paidAt - MOST_VAIN * VAIN_MS - clock.now(), LONGEST_MS);
      if (waitMs > 0) {
        cancel ??= clock.after(waitMs * (0.5 + random()), tell, { background: true });
      } else {
        cancel?.();
        tell();
      }
    },
    found(entries) {
      const now = clock.now();
      paidAt = Math.min(Math.max(paidAt, now), now + MOST_VAIN * VAIN_MS + LONGEST_MS);
      if (entries > 0) paidAt -= entries * VAIN_MS;
      else if (isTold) paidAt += VAIN_MS;
      isTold = false;
    },
    stop() {
      cancel?.();
    },
  };
}
