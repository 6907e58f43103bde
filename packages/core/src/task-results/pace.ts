import { sleep, unlessAborted } from '../shared/abortable.ts';
import { monotonicMs, type Clock } from '../shared/clock.ts';
import { createSemaphore } from '../shared/semaphore.ts';

/** Spaces requests evenly, so that no more than a number of them start in a second. */
export interface Pace {
  /**
   * Resolves, in the order of the calls, when the next request may start. A caller that is aborted
   * while it waits uses no turn, and rejects with the reason of its signal.
   */
  turn(signal: AbortSignal | undefined): Promise<void>;
  /** Lets no request start for `ms` milliseconds. */
  pause(ms: number): void;
}

export function createPace(requestsPerSecond: number, clock: Clock): Pace {
  const intervalMs = 1000 / requestsPerSecond;
  const queue = createSemaphore(1);
  let nextAt = -Infinity;

  return {
    async turn(signal) {
      const permit = queue.acquire();
      try {
        await unlessAborted(permit.taken, signal);
        // Again after each wait: a pause may have begun meanwhile.
        while (nextAt > monotonicMs(clock)) {
          await sleep(nextAt - monotonicMs(clock), clock, signal);
        }
        nextAt = monotonicMs(clock) + intervalMs;
      } finally {
        permit.release();
      }
    },
    pause(ms) {
      nextAt = Math.max(nextAt, monotonicMs(clock) + ms);
    },
  };
}
