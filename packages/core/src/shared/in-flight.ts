import { withDeadline, type Clock } from './clock.ts';
import { WebhookError } from './errors.ts';

/** What is under way, so that closing can wait for it and then end it. */
export interface InFlight {
  /** Runs something. Its signal is aborted when `stop` has lost patience. */
  run<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  size(): number;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  /** Waits up to `gracePeriodMs` milliseconds, then aborts the rest. */
  stop(gracePeriodMs: number): Promise<void>;
}

export function createInFlight(clock: Clock): InFlight {
  // A controller each: a signal that a thousand listen to would look like a leak to Node.
  const underWay = new Map<Promise<unknown>, AbortController>();

  async function idle(): Promise<void> {
    while (underWay.size > 0) await Promise.allSettled(underWay.keys());
  }

  return {
    run(start) {
      const controller = new AbortController();
      const work = start(controller.signal);
      underWay.set(work, controller);
      const forget = () => void underWay.delete(work);
      work.then(forget, forget);
      return work;
    },
    size: () => underWay.size,
    idle,
    async stop(gracePeriodMs) {
      await withDeadline(idle(), gracePeriodMs, clock);
      const reason = new WebhookError('closing', 'the receiver is closing');
      for (const controller of underWay.values()) controller.abort(reason);
    },
  };
}
