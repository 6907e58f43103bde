import type {
  AttemptHandle,
  ConsumeOptions,
  Entry,
  EntryKey,
  EntryProcessor,
  Inbox,
  Outcome,
} from '../inbox/ports.ts';
import { ABORT_TIMEOUT_MS } from '../inbox/polling/claim-pool.ts';
import { monotonicMs, withDeadline, type Clock } from '../shared/clock.ts';
import { errorFields, type Logger } from '../shared/logger.ts';
import { createSemaphore, type Permit } from '../shared/semaphore.ts';

/**
 * Attempts on single entries, each within the request that delivered its entry. On some runtimes the
 * timers and promises of a request end with it. So everything that has to happen at the end of a
 * request happens synchronously, or a later request does it (`endOverdue`).
 */
export interface RequestScopedAttempts {
  /** @param endsAt when the request and what it keeps alive are over, on the monotonic clock */
  prepare(key: EntryKey, endsAt: number): RequestScopedAttempt;
  /** Ends the attempts of requests that are over, and gives their leases back. Never rejects. */
  endOverdue(): Promise<void>;
}

interface RequestScopedAttempt {
  /** Starts as soon as fewer than `concurrency` attempts run. To be called once. */
  start(): void;
  /** What the outcome has caused: the handlers of a dead letter. `undefined` without an outcome. */
  afterOutcome(): Promise<unknown> | undefined;
  /**
   * Lets the attempt finish within `gracePeriodMs` milliseconds, then aborts it; with 0 before it
   * returns. Never rejects.
   */
  end(gracePeriodMs: number): Promise<void>;
}

export interface RequestScopedAttemptsOptions {
  readonly attempt: NonNullable<Inbox['attempt']>;
  readonly run: EntryProcessor;
  readonly concurrency: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called after an outcome was recorded. Returns a promise for the end of what it starts. */
  readonly onSettled: (entry: Entry, outcome: Outcome) => Promise<unknown> | undefined;
}

/** A started attempt. */
interface Started {
  readonly endsAt: number;
  readonly ended: Promise<void>;
  readonly isStopped: () => boolean;
  /** Aborts the attempt and frees its place before it returns. Later calls complete an earlier one. */
  stop(): Promise<void>;
}

export function createRequestScopedAttempts(
  options: RequestScopedAttemptsOptions,
): RequestScopedAttempts {
  const { clock } = options;
  const semaphore = createSemaphore(options.concurrency);
  const started = new Set<Started>();

  return {
    prepare(key, endsAt) {
      let attempt: Started | undefined;
      let afterOutcome: Promise<unknown> | undefined;
      const onSettled: ConsumeOptions['onSettled'] = (entry, outcome) =>
        void (afterOutcome = options.onSettled(entry, outcome));

      async function finish(): Promise<void> {
        await attempt?.ended;
        await afterOutcome;
      }
      return {
        start() {
          const own = startAttempt(key, endsAt, semaphore.acquire(), { ...options, onSettled });
          attempt = own;
          started.add(own);
          void own.ended.then(() => started.delete(own));
        },
        afterOutcome: () => afterOutcome,
        async end(gracePeriodMs) {
          if (gracePeriodMs > 0) await withDeadline(finish(), gracePeriodMs, clock);
          await attempt?.stop();
        },
      };
    },
    async endOverdue() {
      const now = monotonicMs(clock);
      const overdue = [...started].filter(({ endsAt }) => endsAt + ABORT_TIMEOUT_MS <= now);
      await Promise.all(overdue.map(stopAgain));
    },
  };
}

/** Waits only if the attempt was stopped before: then it gives the lease back without a timer. */
async function stopAgain(attempt: Started): Promise<void> {
  const isRepeated = attempt.isStopped();
  const stopped = attempt.stop();
  if (isRepeated) await stopped;
}

type StartOptions = Pick<RequestScopedAttemptsOptions, 'attempt' | 'run' | 'log'> &
  Pick<ConsumeOptions, 'onSettled'>;

function startAttempt(
  key: EntryKey,
  endsAt: number,
  permit: Permit,
  { attempt, run, log, onSettled }: StartOptions,
): Started {
  let handle: AttemptHandle | undefined;
  let isClaiming = false;
  let isStopped = false;
  let resolveEnded: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (resolveEnded = resolve));

  async function begin(): Promise<void> {
    await permit.taken;
    isClaiming = true;
    if (!isStopped) handle = await attempt(key, run, { log, onSettled });
    if (isStopped) await handle?.stop({ gracePeriodMs: 0 });
    else await handle?.finished;
  }

  function end(): void {
    permit.release();
    resolveEnded();
  }

  const logError = (error: unknown): void => {
    const fields = { taskId: key.taskId, ...errorFields(error) };
    log.error(fields, 'worker: an entry could not be attempted within its request');
  };
  void begin().catch(logError).finally(end);
  return {
    ...{ endsAt, ended },
    isStopped: () => isStopped,
    async stop() {
      isStopped = true;
      permit.release();
      if (handle !== undefined) await handle.stop({ gracePeriodMs: 0 }).catch(logError);
      else if (isClaiming) await ended;
      end();
    },
  };
}
