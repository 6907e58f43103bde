import type { Announcer } from './best-effort-events.ts';
import { runAttempt, type AttemptEntry, type RunAttemptOptions } from './attempt.ts';
import { createBriefAttempts, type BriefAttempts } from './request-scoped-attempts.ts';
import { LATE, withDeadline } from '../shared/clock.ts';
import type { Handlers } from './handlers.ts';
import type { Consumer, Entry, EntryKey, Outcome, RunInTransaction } from '../inbox/ports.ts';
import { errorFields, type Logger } from '../shared/logger.ts';
import type { ResolvedOptions } from '../options.ts';
import type { Settlements } from './outcome-waiters.ts';
import { createStuckHandlers } from './stuck-handlers.ts';

/** What becomes of an event after its delivery was answered. */
export interface Worker {
  /** Begins to consume the inbox, as soon as there is a handler for results. */
  start(): void;
  /** The same, for when events are coming in: says so if nobody is there to handle them. */
  startFor(entry: EntryKey): void;
  /**
   * Attempts on single entries, for runtimes that may stop after the answer; `undefined` where the
   * inbox cannot make them, is being consumed anyway, or there is no handler.
   */
  briefly(): BriefAttempts | undefined;
  handlersChanged(): void;
  stop(gracePeriodMs: number): Promise<void>;
  attempt(entry: AttemptEntry, signal: AbortSignal, transact?: RunInTransaction): Promise<Outcome>;
  outcomes(): Readonly<Record<Outcome['type'], number>>;
}

export interface WorkerParts {
  readonly options: ResolvedOptions;
  readonly handlers: Handlers;
  readonly settlements: Settlements;
  readonly announcer: Announcer;
  readonly log: Logger;
}

export function createWorker(parts: WorkerParts): Worker {
  const { options, handlers, announcer, log } = parts;
  const { inbox, retry, clock } = options;
  const { timeoutMs, concurrency } = options.handlers;
  const stuck = createStuckHandlers();
  const attemptOptions: RunAttemptOptions = { handlers, retry, timeoutMs, stuck, clock, log };
  const outcomes = { done: 0, retry: 0, dead: 0, released: 0 };
  let state: 'new' | 'started' | 'stopped' = 'new';
  let consumption: Consumer | undefined;
  let warned = false;

  const attempt = (entry: AttemptEntry, signal: AbortSignal, transact?: RunInTransaction) =>
    runAttempt(entry, signal, { ...attemptOptions, transact });

  /** Not before there is a handler: entries of an earlier process must not be done without one. */
  function consume(): void {
    if (!options.consume || state !== 'started' || consumption !== undefined) return;
    if (!handlers.handlesResults()) return;
    const endpoint = options.endpoint;
    consumption = inbox.consume(attempt, { endpoint, concurrency, log, onSettled });
  }

  function onSettled(entry: Entry, outcome: Outcome): void {
    outcomes[outcome.type] += 1;
    parts.settlements.announce(entry, outcome);
    if (outcome.type === 'dead') announcer.deadLetter(entry, outcome.reason);
  }

  function start(): void {
    if (state === 'new') state = 'started';
    consume();
  }

  const brief =
    inbox.attempt &&
    createBriefAttempts({
      attempt: inbox.attempt,
      run: attempt,
      concurrency,
      clock,
      log,
      onSettled,
    });

  return {
    attempt,
    start,
    startFor({ taskId }) {
      start();
      if (warned || !options.consume || handlers.handlesResults()) return;
      warned = true;
      log.warn({ taskId }, 'no handler for results is registered: events wait in the inbox');
    },
    briefly: () =>
      options.consume && state === 'new' && handlers.handlesResults() ? brief : undefined,
    handlersChanged: consume,
    async stop(gracePeriodMs) {
      state = 'stopped';
      await consumption?.stop({ gracePeriodMs });
      await warnOfLoss(parts);
    },
    outcomes: () => ({ ...outcomes }),
  };
}

const LAST_LOOK_MS = 1000;

/** What a memory inbox still holds goes with the process. That must not go unsaid. */
async function warnOfLoss({ options: { inbox, clock }, log }: WorkerParts): Promise<void> {
  if (inbox.capabilities.durable || inbox.capabilities.addOnly) return;
  try {
    const stats = await withDeadline(inbox.stats(), LAST_LOOK_MS, clock);
    const entries = stats === LATE ? 0 : stats.pending + stats.running;
    if (entries === 0) return;
    log.error({ entries }, 'closing with events not handled; a durable inbox would keep them');
  } catch (error) {
    log.warn(errorFields(error), 'the inbox could not be read at closing');
  }
}
