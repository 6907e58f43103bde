import { withDeadline, type Clock } from '../shared/clock.ts';
import type {
  ConsumeOptions,
  EntryKey,
  Inbox,
  EntryProcessor,
  AttemptHandle,
} from '../inbox/ports.ts';
import { errorFields, type Logger } from '../shared/logger.ts';

/** Attempts on single entries, each within the request that brought its entry. */
export interface BriefAttempts {
  prepare(key: EntryKey): BriefAttempt;
}

interface BriefAttempt {
  /** Begins as soon as fewer than `concurrency` attempts run. To be called once. */
  begin(): void;
  /** Ends it now, or lets it come to its end within `gracePeriodMs`. Does not reject. */
  end(gracePeriodMs: number): Promise<void>;
}

export interface BriefAttemptsOptions {
  readonly attempt: NonNullable<Inbox['attempt']>;
  readonly run: EntryProcessor;
  readonly concurrency: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onSettled: ConsumeOptions['onSettled'];
}

export function createBriefAttempts(options: BriefAttemptsOptions): BriefAttempts {
  const { run, clock, log, onSettled } = options;
  const slots = createSlots(options.concurrency);

  return {
    prepare(key) {
      let isOver = false;
      let begun: Promise<AttemptHandle | undefined> = Promise.resolve(undefined);

      async function begin(): Promise<AttemptHandle | undefined> {
        await slots.acquire();
        const single = isOver ? undefined : await options.attempt(key, run, { log, onSettled });
        if (single === undefined) slots.release();
        else void single.finished.finally(slots.release);
        return single;
      }

      async function end(gracePeriodMs: number): Promise<void> {
        const single = await begun;
        if (gracePeriodMs > 0 && single) await withDeadline(single.finished, gracePeriodMs, clock);
        await single?.stop({ gracePeriodMs: 0 });
      }

      const complain = (error: unknown): undefined => {
        log.error({ taskId: key.taskId, ...errorFields(error) }, 'an attempt could not be made');
      };
      return {
        begin: () => void (begun = begin().catch(complain)),
        end(gracePeriodMs) {
          isOver = gracePeriodMs <= 0;
          return end(gracePeriodMs).catch(complain);
        },
      };
    },
  };
}

/** So many at a time; the others wait for their turn. */
function createSlots(count: number) {
  const waiting: (() => void)[] = [];
  let free = count;
  return {
    async acquire(): Promise<void> {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    release(): void {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    },
  };
}
