import type {
  Consumer,
  Entry,
  EntryKey,
  Inbox,
  InboxStats,
  Outcome,
  RunInTransaction,
} from '../inbox/ports.ts';
import { toEntryProcessor } from '../inbox/entry-processor.ts';
import { isForHandlers } from '../inbox/expectation.ts';
import { LATE, withDeadline, type Clock } from '../shared/clock.ts';
import type { JsonObject } from '../shared/json.ts';
import { errorFields, type Logger } from '../shared/logger.ts';
import type { LazyAbort } from '../shared/lazy-abort.ts';
import type { StandardSchema } from '../shared/standard-schema.ts';
import type { TaskResultClient } from '../task-results/client.ts';
import { runAttempt } from './attempt.ts';
import type { AttemptEntry, RunAttemptOptions } from './attempt-parts.ts';
import type { RetryDelay } from '../shared/backoff.ts';
import type { BestEffortEvents } from './best-effort-events.ts';
import type { Handlers } from './handlers.ts';
import type { OutcomeWaiters } from './outcome-waiters.ts';
import { createParsedResults, type ParsedResults } from './parsed-results.ts';
import {
  createRequestScopedAttempts,
  type RequestScopedAttempts,
} from './request-scoped-attempts.ts';
import { createResultSource, type ResultSource } from './result-source.ts';
import { createStuckHandlers } from './stuck-handlers.ts';
import { createWarnOnce } from './warn-once.ts';

/** Runs the handlers on entries of the inbox. */
export interface Worker {
  /** Starts to consume the inbox as soon as a handler for results is registered. */
  start(): void;
  /** Like `start`. Warns once if an event arrives and no handler for results is registered. */
  startFor(entry: EntryKey): void;
  /** Results that attempts of this process need not parse again. */
  readonly parsedResults: Pick<ParsedResults, 'keep'>;
  /** To be called after each registration of a handler. */
  handlersChanged(): void;
  /** One attempt, outside the inbox's own loop. */
  attempt(
    entry: AttemptEntry,
    signal: AbortSignal,
    runInTransaction?: RunInTransaction,
  ): Promise<Outcome>;
  /**
   * Attempts on single entries, for runtimes that may stop after the reply. `undefined` if the inbox
   * lacks them, is being consumed, or no handler is registered.
   */
  requestScopedAttempts(): RequestScopedAttempts | undefined;
  /** @param gracePeriodMs milliseconds until running handlers are aborted */
  stop(gracePeriodMs: number): Promise<void>;
  /** Whether entries of the inbox are being claimed. */
  isConsuming(): boolean;
  /** Attempts by outcome. */
  outcomes(): Readonly<Record<Outcome['type'], number>>;
}

export interface WorkerOptions {
  readonly inbox: Inbox;
  readonly endpoint: string;
  readonly consume: boolean;
  readonly concurrency: number;
  readonly handlerTimeoutMs: number;
  readonly retry: { readonly maxAttempts: number; readonly delay: RetryDelay };
  readonly clock: Clock;
  readonly log: Logger;
  readonly handlerLog: Logger;
  readonly metadataSchema: StandardSchema<unknown, JsonObject> | undefined;
  readonly handlers: Handlers;
  readonly outcomeWaiters: OutcomeWaiters;
  readonly bestEffortEvents: BestEffortEvents;
  /** One attempt on an expectation, or on the record of a submit call: no handler runs. */
  readonly attemptExpectation: (entry: AttemptEntry, abort: LazyAbort) => Promise<Outcome>;
  readonly testEvents: 'handle' | 'ignore';
  readonly taskResults: TaskResultClient | null;
  readonly confirm: boolean;
  /** See `ReceiverStats`. */
  readonly apiDownMs: () => number | null;
  readonly limitedLog: Logger;
  readonly onDisagreement: () => void;
}

export function createWorker(options: WorkerOptions): Worker {
  const { inbox, endpoint, concurrency, clock, log, handlers } = options;
  const parsedResults = createParsedResults(() => consumer !== undefined);
  const attemptOptions = toAttemptOptions(options, parsedResults);
  const outcomes = { done: 0, retry: 0, dead: 0, released: 0 };
  let state: 'new' | 'started' | 'stopped' = 'new';
  let consumer: Consumer | undefined;

  const attempt = toEntryProcessor<AttemptEntry>((entry, abort, runInTransaction) =>
    isForHandlers(entry)
      ? runAttempt(entry, abort, attemptOptions, runInTransaction)
      : options.attemptExpectation(entry, abort),
  );

  /** Waits for a handler: an entry of an earlier process must not become done without one. */
  function consume(): void {
    if (!options.consume || state !== 'started' || consumer !== undefined) return;
    if (!handlers.handlesResults()) return;
    consumer = inbox.consume(attempt, {
      ...{ endpoint, concurrency, log },
      onSettled: (entry, outcome) => void onSettled(entry, outcome),
    });
  }

  /** @returns a promise for the end of the handlers of a dead letter */
  function onSettled(entry: Entry, outcome: Outcome): Promise<unknown> | undefined {
    if (isForHandlers(entry)) outcomes[outcome.type] += 1;
    options.outcomeWaiters.resolve(entry, outcome);
    return outcome.type === 'dead'
      ? options.bestEffortEvents.deadLetter(entry, outcome)
      : undefined;
  }

  function start(): void {
    if (state === 'new') state = 'started';
    consume();
  }

  const requestScoped =
    inbox.attempt &&
    createRequestScopedAttempts({
      ...{ attempt: inbox.attempt.bind(inbox), run: attempt }, // an inbox may be of a class
      ...{ concurrency, clock, log, onSettled },
    });

  return {
    attempt,
    start,
    startFor({ taskId }) {
      start();
      if (!options.consume || handlers.handlesResults()) return;
      attemptOptions.warnOnce('no handler', { taskId }, NO_HANDLER);
    },
    parsedResults,
    handlersChanged: consume,
    requestScopedAttempts: () =>
      options.consume && state === 'new' && handlers.handlesResults() ? requestScoped : undefined,
    async stop(gracePeriodMs) {
      state = 'stopped';
      attemptOptions.resultSource.stop();
      await consumer?.stop({ gracePeriodMs });
      await warnOfLoss(options);
    },
    isConsuming: () => consumer !== undefined && state === 'started',
    outcomes: () => ({ ...outcomes }),
  };
}

const NO_HANDLER =
  'worker: no handler for results is registered, so events stay in the inbox. ' +
  'Register onTaskSucceeded and onTaskFailed.';

function toAttemptOptions(
  options: WorkerOptions,
  parsedResults: ParsedResults,
): RunAttemptOptions & { readonly resultSource: ResultSource } {
  const { handlers, retry, handlerTimeoutMs: timeoutMs, clock, log, handlerLog } = options;
  const { metadataSchema, testEvents } = options;
  const [stuck, warnOnce] = [createStuckHandlers(), createWarnOnce(log)];
  const resultSource = createResultSource({ ...options, parsedResults, warnOnce });
  const ofReceiver = { handlers, retry, timeoutMs, clock, log, handlerLog, metadataSchema };
  return { ...ofReceiver, testEvents, resultSource, stuck, warnOnce };
}

const STATS_TIMEOUT_MS = 1000;

/** The entries of an inbox that is not durable are lost when the process ends. */
async function warnOfLoss({ inbox, clock, log }: WorkerOptions): Promise<void> {
  if (inbox.capabilities.durable || inbox.capabilities.addOnly) return;
  try {
    const stats = await withDeadline(inbox.stats(), STATS_TIMEOUT_MS, clock);
    const entries = stats === LATE ? 0 : countOpen(stats);
    if (entries === 0) return;
    log.error(
      { entries },
      'worker: closed with events that were not handled, or tasks that are awaited. A durable inbox would keep them.',
    );
  } catch (error) {
    log.warn(errorFields(error), 'worker: the inbox could not be read while closing');
  }
}

const countOpen = ({ expected, pending, running }: InboxStats): number =>
  (expected ?? 0) + pending + running;
