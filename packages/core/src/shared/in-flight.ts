import { monotonicMs, withDeadline, type Clock } from './clock.ts';
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

interface Running {
  /** Absent for work that `stop` does not abort. */
  readonly abort: LazyAbort | undefined;
  readonly startedAt: number;
}

/**
 * @param maxMs milliseconds after which work no longer counts. Some runtimes end the promises and
 * timers of a request together with it, so such work never settles.
 */
export function createInFlight(clock: Clock, maxMs: number = Infinity): InFlight {
  // One signal each: Node warns of a leak when a signal has many listeners.
  const running = new Map<Promise<unknown>, Running>();

  function forgetOverdue(): void {
    const now = monotonicMs(clock);
    for (const [work, { startedAt }] of running) {
      if (now - startedAt <= maxMs) return; // the map is in the order of starting
      running.delete(work);
    }
  }

  async function idle(): Promise<void> {
    while (running.size > 0) await Promise.allSettled(running.keys());
  }

  function track<T>(work: Promise<T>, abort?: LazyAbort): Promise<T> {
    running.set(work, { abort, startedAt: monotonicMs(clock) });
    const forget = () => void running.delete(work);
    work.then(forget, forget);
    return work;
  }

  return {
    track: (work) => track(work),
    run(start) {
      forgetOverdue();
      const abort = createLazyAbort();
      return track(start(abort), abort);
    },
    size() {
      forgetOverdue();
      return running.size;
    },
    idle,
    async stop(gracePeriodMs) {
      forgetOverdue();
      await withDeadline(idle(), gracePeriodMs, clock);
      const reason = new WebhookError('closing', 'the receiver is closing');
      for (const { abort } of running.values()) abort?.abort(reason);
    },
  };
}
