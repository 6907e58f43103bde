import type { TaskResult } from '../events/task-result.ts';
import type { NewEntry, Outcome, RunInTransaction } from '../inbox/ports.ts';
import { findDamage } from '../inbox/stored-entry.ts';
import type { Clock } from '../shared/clock.ts';
import { describeError, isWebhookError, retryDelayOf, stackOf } from '../shared/errors.ts';
import type { JsonObject } from '../shared/json.ts';
import type { LazyAbort } from '../shared/lazy-abort.ts';
import { errorFields, withFields, type Logger } from '../shared/logger.ts';
import { exponentialBackoff, type RetryDelay } from './backoff.ts';
import { createHandlerTransaction } from './handler-transaction.ts';
import type { HandlerContext, Handlers, RegisteredHandler } from './handlers.ts';
import { parseStoredBody } from './parse-stored-body.ts';
import type { ParsedResults } from './parsed-results.ts';
import { runHandler } from './run-handler.ts';
import { selectHandlers } from './select-handlers.ts';
import type { StuckHandlers } from './stuck-handlers.ts';
import type { WarnOnce } from './warn-once.ts';

/** An entry as an attempt needs it. */
export interface AttemptEntry extends NewEntry {
  /** Number of this attempt; the first is 1. */
  readonly attempts: number;
  readonly succeededHandlers: readonly string[];
  /** Why an earlier attempt failed. */
  readonly reason?: string | null;
  /** See `Claim`. */
  readonly isTakeover?: boolean;
  /** See `Entry`. */
  readonly damage?: string;
}

export interface RunAttemptOptions {
  readonly handlers: Pick<Handlers, 'matching'>;
  readonly retry: { readonly maxAttempts: number; readonly delay: RetryDelay };
  readonly timeoutMs: number;
  readonly parsedResults: Pick<ParsedResults, 'take'>;
  readonly stuck: StuckHandlers;
  readonly warnOnce: WarnOnce;
  readonly clock: Clock;
  readonly log: Logger;
  /** Passed to the handlers. */
  readonly handlerLog: Logger;
  /** Passed by inboxes with transactions. */
  readonly runInTransaction?: RunInTransaction | undefined;
}

/** The failure of one handler, and what it means for the next attempt. */
interface Failure {
  readonly reason: string;
  readonly stack?: string | undefined;
  /** No further attempt may be made. */
  readonly isFinal: boolean;
  /** The delay that the handler asked for. */
  readonly delayMs: number | null;
}

/** Runs the handlers that have not succeeded yet, in order, and returns the outcome of the entry. */
export async function runAttempt(
  entry: AttemptEntry,
  abort: LazyAbort,
  options: RunAttemptOptions,
): Promise<Outcome> {
  const { attempts, isTakeover = true } = entry;
  const { maxAttempts } = options.retry;
  const damage = findDamage(entry);
  if (damage !== null) return { type: 'dead', reason: damage, succeededHandlers: [] };
  const { result, schemaError } = options.parsedResults.take(entry) ?? parseStoredBody(entry);
  const succeededHandlers = [...entry.succeededHandlers];
  if (result === null) return { type: 'dead', reason: schemaError, succeededHandlers };

  const matching = options.handlers.matching(result);
  const remaining = selectHandlers(result, matching, succeededHandlers, options.warnOnce);
  if (remaining.length > 0 && attempts > maxAttempts && isTakeover) {
    return { type: 'dead', reason: neverSettled(entry, maxAttempts), succeededHandlers };
  }
  const failures: Failure[] = [];
  for (const [index, handler] of remaining.entries()) {
    if (isAborted(abort)) break;
    // Parsed again for each further handler, so that none can change the result of another one.
    const own = index === 0 ? result : parseStoredBody(entry).result;
    const failure = await runOne(handler, { entry, result: own ?? result }, abort, options);
    if (failure === null) succeededHandlers.push(handler.name);
    else if (!isAborted(abort)) failures.push(failure);
  }
  const isUnfinished = remaining.some(({ name }) => !succeededHandlers.includes(name));
  if (isUnfinished && isAborted(abort)) return { type: 'released', delayMs: 0, succeededHandlers };
  return toOutcome(failures, attempts, succeededHandlers, options);
}

function neverSettled({ attempts, reason }: AttemptEntry, maxAttempts: number): string {
  return (
    `gave up after ${attempts - 1} of ${maxAttempts} attempts: the last attempt never reported a ` +
    'result. The handler may have crashed the process.' +
    (typeof reason === 'string' ? ` An earlier attempt failed: ${reason}` : '')
  );
}

/** A function, because TypeScript assumes that `aborted` does not change during an await. */
function isAborted(abort: LazyAbort): boolean {
  return abort.aborted;
}

async function runOne(
  handler: RegisteredHandler,
  { entry, result }: { readonly entry: AttemptEntry; readonly result: TaskResult },
  outer: LazyAbort,
  options: RunAttemptOptions,
): Promise<Failure | null> {
  const { log, handlerLog, stuck, timeoutMs, runInTransaction } = options;
  const { maxAttempts } = options.retry;
  if (stuck.has(entry, handler.id)) return toStuckFailure(timeoutMs);
  const transaction = createHandlerTransaction(
    runInTransaction && ((work) => runInTransaction(handler.name, work)),
  );
  const handle = (abort: LazyAbort) =>
    transaction.run(abort, (transaction) =>
      handler.handle(
        result,
        toHandlerContext(entry, abort, { maxAttempts, log: handlerLog, transaction }),
      ),
    );
  const end = await runHandler(handle, timeoutMs, outer, options.clock);
  if (end.type === 'succeeded') return null;
  if (end.type === 'stuck') stuck.add(entry, handler.id, end.ended);
  const failure = end.type === 'stuck' ? toStuckFailure(timeoutMs) : toFailure(end.thrown);
  const { taskId, attempts: attempt } = entry;
  const { reason, stack } = failure;
  const hasCommitted = transaction.hasCommitted();
  const message = hasCommitted ? FAILED_AFTER_COMMIT : 'worker: a handler failed';
  log.warn({ taskId, handler: handler.name, attempt, reason, stack }, message);
  return hasCommitted ? null : failure;
}

const FAILED_AFTER_COMMIT =
  'worker: a handler failed after its transaction had committed. It counts as succeeded.';

interface HandlerContextOptions {
  readonly maxAttempts: number;
  readonly log: Logger;
  readonly transaction: HandlerContext['transaction'];
}

/**
 * What few handlers read is made on first use. These are getters of the object itself, so that a copy
 * such as `{ ...context }` has them too.
 */
export function toHandlerContext(
  entry: AttemptEntry,
  abort: LazyAbort,
  { maxAttempts, log, transaction }: HandlerContextOptions,
): HandlerContext {
  let metadata: JsonObject | undefined;
  return {
    taskId: entry.taskId,
    attempt: entry.attempts,
    maxAttempts,
    get signal() {
      return abort.signal();
    },
    receivedAt: new Date(entry.receivedAt),
    get metadata() {
      return (metadata ??= structuredClone(entry.metadata));
    },
    testMode: entry.testMode,
    log: withFields(log, { taskId: entry.taskId }),
    transaction,
  };
}

function toStuckFailure(timeoutMs: number): Failure {
  const reason =
    `the handler ignored its signal for ${timeoutMs} ms after its timeout and may still be ` +
    'running. Replay the entry when it has ended.';
  return { reason, isFinal: true, delayMs: null };
}

function toFailure(thrown: unknown): Failure {
  return {
    reason: describeError(thrown),
    stack: stackOf(thrown),
    isFinal: isWebhookError(thrown, 'permanent'),
    delayMs: retryDelayOf(thrown),
  };
}

function toOutcome(
  failures: readonly Failure[],
  attempt: number,
  succeededHandlers: readonly string[],
  { retry, log }: RunAttemptOptions,
): Outcome {
  if (failures.length === 0) return { type: 'done', succeededHandlers };
  const reason = failures.map((failure) => failure.reason).join('; ');
  if (failures.some(({ isFinal }) => isFinal) || attempt >= retry.maxAttempts) {
    return { type: 'dead', reason, succeededHandlers };
  }
  const requested = failures.flatMap(({ delayMs }) => (delayMs === null ? [] : [delayMs]));
  const delayMs =
    requested.length > 0 ? Math.max(...requested) : scheduledDelay(retry.delay, attempt, log);
  return { type: 'retry', delayMs, reason, succeededHandlers };
}

const fallbackDelay = exponentialBackoff();

/** The delay of `retry.delay`; the default if that throws or returns an invalid value. */
function scheduledDelay(delay: RetryDelay, attempt: number, log: Logger): number {
  try {
    const ms = delay(attempt);
    if (Number.isFinite(ms) && ms >= 0) return ms;
    log.error(
      { attempt, delay: String(ms) },
      'worker: retry.delay must return milliseconds, 0 or more. The default delay is used.',
    );
  } catch (error) {
    const fields = { attempt, ...errorFields(error) };
    log.error(fields, 'worker: retry.delay threw. The default delay is used.');
  }
  return fallbackDelay(attempt);
}
