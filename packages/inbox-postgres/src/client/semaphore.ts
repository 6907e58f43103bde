import { createCodedError, POOL_TIMEOUT, toInboxError } from '../errors.ts';
import { withTimeout } from './timeout.ts';

/** Limits how many callers do something at the same time. First come, first served. */
export interface Semaphore {
  /**
   * Waits for a permit, `waitMs` at most.
   *
   * @returns releases the permit; must be called once
   * @throws WebhookError `inbox_unavailable` after `waitMs`; the reason of the signal
   */
  acquire(waitMs: number, signal?: AbortSignal): Promise<() => void>;
}

export function createSemaphore(permits: number): Semaphore {
  const waiting = new Set<() => void>();
  let free = permits;

  function release(): void {
    const [next] = waiting;
    if (next === undefined) free += 1;
    else {
      waiting.delete(next);
      next(); // the permit passes to this caller
    }
  }

  async function wait(waitMs: number, signal?: AbortSignal): Promise<void> {
    let abort: () => void = () => undefined;
    let grant: () => void = () => undefined;
    const granted = new Promise<void>((resolve, reject) => {
      grant = resolve;
      abort = () => reject(signal?.reason as Error);
      waiting.add(grant);
    });
    signal?.addEventListener('abort', abort);
    try {
      await withTimeout(granted, waitMs, () => toInboxError(tookTooLong(waitMs)));
    } catch (error) {
      if (!waiting.delete(grant)) release(); // the permit was granted at the same moment
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  return {
    async acquire(waitMs, signal) {
      signal?.throwIfAborted();
      if (free > 0) free -= 1;
      else await wait(waitMs, signal);
      return release;
    },
  };
}

function tookTooLong(waitMs: number): Error {
  return createCodedError(
    POOL_TIMEOUT,
    `no connection of the pool became free within ${waitMs} ms`,
  );
}
