import { monotonicMs, type Clock } from '../../shared/clock.ts';
import { errorFields, type Logger } from '../../shared/logger.ts';
import type { Retention, Store } from '../ports.ts';

export interface CleanUpOptions {
  readonly store: Store;
  readonly retention: Retention;
  /** Milliseconds between two runs. */
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Deletes expired entries at an interval, one run after the other. A failed run is logged, and the
 * next one deletes what it left.
 *
 * @returns a function that ends it
 */
export function cleanUpRegularly(options: CleanUpOptions): () => void {
  const { intervalMs, clock } = options;
  let isStopped = false;
  let cancel = schedule();

  function schedule(): () => void {
    return clock.after(intervalMs, () => void cleanUp(), { background: true });
  }

  async function cleanUp(): Promise<void> {
    await deleteExpired(options);
    if (!isStopped) cancel = schedule();
  }

  return () => {
    isStopped = true;
    cancel();
  };
}

/**
 * Deletes expired entries when it is called and the last run was an interval ago: for runtimes where no
 * timer fires between requests.
 */
export function createCleanUpIfDue(
  options: Omit<CleanUpOptions, 'log'>,
): (log: Logger) => Promise<void> {
  const { intervalMs, clock } = options;
  let lastRunAt = monotonicMs(clock);
  return async (log) => {
    if (monotonicMs(clock) - lastRunAt < intervalMs) return;
    lastRunAt = monotonicMs(clock);
    await deleteExpired({ ...options, log });
  };
}

async function deleteExpired({ store, retention, log }: CleanUpOptions): Promise<void> {
  try {
    const entries = await store.deleteExpired(retention);
    if (entries > 0) log.debug({ entries }, 'inbox: deleted entries past their retention');
  } catch (error) {
    log.warn(errorFields(error), 'inbox: expired entries could not be deleted; trying again later');
  }
}
