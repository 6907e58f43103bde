import { withDeadline, type Clock } from './clock.ts';
import { WebhookError } from './errors.ts';
import { createLazyAbort, type LazyAbort } from './lazy-abort.ts';

/** Counts running work, so that closing can wait for it and then abort it. */
export interface InFlight {
  /** Counts `work` until it settles. */
  track<T>(work: Promise<T>): Promise<T>;
  /** Runs `work`, which can be aborted when the grace period of `stop` ends. */
  run<T>(work: (abort: LazyAbort) => Promise<T>): Promise<T>;
  size(): number;
  /** Resolves when no work is running. */
  idle(): Promise<void>;
  /** Waits up to `gracePeriodMs` milliseconds, then aborts the rest. */
  stop(gracePeriodMs: number): Promise<void>;
}

export function createInFlight(clock: Clock): InFlight {
  // One signal each: Node warns of a leak when a signal has many listeners.
  const running = new Map<Promise<unknown>, LazyAbort | undefined>();

  async function idle(): Promise<void> {
    while (running.size > 0) await Promise.allSettled(running.keys());
  }

  function track<T>(work: Promise<T>, abort?: LazyAbort): Promise<T> {
    running.set(work, abort);
    const forget = () => void running.delete(work);
    work.then(forget, forget);
    return work;
  }

  return {
    track: (work) => track(work),
    run(start) {
      const abort = createLazyAbort();
      return track(start(abort), abort);
    },
    size: () => running.size,
    idle,
    async stop(gracePeriodMs) {
      await withDeadline(idle(), gracePeriodMs, clock);
      const reason = new WebhookError('closing', 'the receiver is closing');
      for (const work of running.values()) work?.abort(reason);
    },
  };
}
