import type {
  AttemptHandle,
  ConsumeOptions,
  EntryKey,
  EntryProcessor,
  Inbox,
} from '../inbox/ports.ts';
import { withDeadline, type Clock } from '../shared/clock.ts';
import { errorFields, type Logger } from '../shared/logger.ts';
import { createSemaphore } from '../shared/semaphore.ts';

/** Attempts on single entries, each within the request that delivered its entry. */
export interface RequestScopedAttempts {
  prepare(key: EntryKey): RequestScopedAttempt;
}

interface RequestScopedAttempt {
  /** Starts as soon as fewer than `concurrency` attempts run. To be called once. */
  start(): void;
  /** Lets the attempt finish within `gracePeriodMs` milliseconds, then aborts it. Never rejects. */
  end(gracePeriodMs: number): Promise<void>;
}

export interface RequestScopedAttemptsOptions {
  readonly attempt: NonNullable<Inbox['attempt']>;
  readonly run: EntryProcessor;
  readonly concurrency: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onSettled: ConsumeOptions['onSettled'];
}

export function createRequestScopedAttempts(
  options: RequestScopedAttemptsOptions,
): RequestScopedAttempts {
  const { run, clock, log, onSettled } = options;
  const semaphore = createSemaphore(options.concurrency);

  return {
    prepare(key) {
      let isOver = false;
      let starting: Promise<AttemptHandle | undefined> = Promise.resolve(undefined);

      async function start(): Promise<AttemptHandle | undefined> {
        await semaphore.acquire();
        const handle = isOver ? undefined : await options.attempt(key, run, { log, onSettled });
        if (handle === undefined) semaphore.release();
        else void handle.finished.finally(semaphore.release);
        return handle;
      }

      async function end(gracePeriodMs: number): Promise<void> {
        const handle = await starting;
        if (gracePeriodMs > 0 && handle) await withDeadline(handle.finished, gracePeriodMs, clock);
        await handle?.stop({ gracePeriodMs: 0 });
      }

      const logError = (error: unknown): undefined => {
        const fields = { taskId: key.taskId, ...errorFields(error) };
        log.error(fields, 'worker: an entry could not be attempted within its request');
      };
      return {
        start: () => void (starting = start().catch(logError)),
        end(gracePeriodMs) {
          isOver = gracePeriodMs <= 0;
          return end(gracePeriodMs).catch(logError);
        },
      };
    },
  };
}
