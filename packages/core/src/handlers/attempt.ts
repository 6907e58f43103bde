import type { TaskResult } from '../events/task-result.ts';
import type {
  DeadLetterCode,
  HandlerFailure,
  NewEntry,
  Outcome,
  PartialReplay,
  RunInTransaction,
} from '../inbox/ports.ts';
import { findDamage } from '../inbox/stored-entry.ts';
import { monotonicMs, type Clock } from '../shared/clock.ts';
import { isPromise } from '../shared/is-promise.ts';
import type { JsonObject } from '../shared/json.ts';
import type { LazyAbort } from '../shared/lazy-abort.ts';
import type { Logger } from '../shared/logger.ts';
import type { StandardSchema } from '../shared/standard-schema.ts';
import { keepErrors } from './attempt-errors.ts';
import { withAttemptLog, type LoggedEntry } from './attempt-log.ts';
import type { RetryDelay } from '../shared/backoff.ts';
import { callHandler } from './call-handler.ts';
import { toFailure, toStuckFailure, type Failure } from './handler-failure.ts';
import { createHandlerTransaction } from './handler-transaction.ts';
import type { Handlers, RegisteredHandler } from './handlers.ts';
import { parseStoredBody } from './parse-stored-body.ts';
import { findOutstanding, findUnknownHandlers } from './partial-replay.ts';
import type { ResultSource } from './result-source.ts';
import { runHandler } from './run-handler.ts';
import { selectHandlers } from './select-handlers.ts';
import type { StuckHandlers } from './stuck-handlers.ts';
import { createScheduledDelay, describeFailedAttempt, toOutcome } from './to-outcome.ts';
import type { WarnOnce } from './warn-once.ts';

/** An entry as an attempt needs it. */
export interface AttemptEntry extends NewEntry, LoggedEntry {
  /** Number of this attempt; the first is 1. */
  readonly attempts: number;
  readonly succeededHandlers: readonly string[];
  /** Why an earlier attempt failed. */
  readonly reason?: string | null;
  /** See `Entry`. */
  readonly partialReplay?: PartialReplay | null;
  /** See `Entry`. */
  readonly originalBody?: string | null;
  /** See `Entry`. */
  readonly damage?: string;
}

export interface RunAttemptOptions {
  readonly handlers: Pick<Handlers, 'matching'>;
  readonly retry: { readonly maxAttempts: number; readonly delay: RetryDelay };
  readonly timeoutMs: number;
  readonly resultSource: Pick<ResultSource, 'resultOf'>;
  readonly testEvents: 'handle' | 'ignore';
  readonly stuck: StuckHandlers;
  readonly warnOnce: WarnOnce;
  readonly clock: Clock;
  readonly log: Logger;
  /** Passed to the handlers. */
  readonly handlerLog: Logger;
  readonly metadataSchema: StandardSchema<unknown, JsonObject> | undefined;
  /** Passed by inboxes with transactions. */
  readonly runInTransaction?: RunInTransaction | undefined;
}

/** Runs the handlers that have not succeeded yet, in order, and returns the outcome of the entry. */
export async function runAttempt(
  entry: AttemptEntry,
  abort: LazyAbort,
  options: RunAttemptOptions,
): Promise<Outcome> {
  const { clock } = options;
  const [startedAt, start] = [clock.now(), monotonicMs(clock)];
  const [failures, remarks]: [Failure[], HandlerFailure[]] = [[], []];
  const outcome = await runHandlers(entry, abort, options, { failures, remarks });
  const durationMs = Math.round(monotonicMs(clock) - start);
  const logs = [...remarks, ...failures.map(({ logged }) => logged)];
  const report = { startedAt, durationMs, failures: logs };
  const logged = withAttemptLog(entry, outcome, report);
  const errors = failures.flatMap(({ thrown = [] }) => thrown);
  keepErrors(logged, errors);
  return logged;
}

/** @param found gets a failure for each handler that failed, and what else operators should see */
async function runHandlers(
  entry: AttemptEntry,
  abort: LazyAbort,
  options: RunAttemptOptions,
  { failures, remarks }: { readonly failures: Failure[]; readonly remarks: HandlerFailure[] },
): Promise<Outcome> {
  const { attempts, isTakeover = true } = entry;
  const { maxAttempts } = options.retry;
  const damage = findDamage(entry);
  if (damage !== null) return toDead('invalid_result', damage);
  const found = options.resultSource.resultOf(entry, abort);
  const source = isPromise(found) ? await found : found;
  if ('ended' in source) {
    failures.push(...source.failures);
    return source.ended;
  }
  if (source.remark) remarks.push(source.remark);
  const { result, schemaError } = source.parsed;
  const succeededHandlers = [...entry.succeededHandlers];
  if (result === null) return toDead('invalid_result', schemaError, succeededHandlers);
  const { testMode } = source;
  if (testMode && options.testEvents === 'ignore') return { type: 'done', succeededHandlers };
  const handled = testMode === entry.testMode ? entry : { ...entry, testMode };

  const matching = options.handlers.matching(result);
  const remaining = selectHandlers(result, matching, entry, options.warnOnce);
  const unknown = findUnknownHandlers(entry, matching);
  if (unknown !== null) return toDead('replay_incomplete', unknown, succeededHandlers);
  if (remaining.length > 0 && attempts > maxAttempts && isTakeover) {
    return toDead('attempt_lost', neverSettled(entry, maxAttempts), succeededHandlers);
  }
  const scheduledDelayMs = createScheduledDelay(options.retry.delay, attempts, options.log);
  const outcomeSoFar = () =>
    toOutcome(failures, attempts, succeededHandlers, { maxAttempts, scheduledDelayMs });
  for (const [index, handler] of remaining.entries()) {
    const doubt = abort.settleDoubt?.();
    if (doubt) await doubt;
    if (isAborted(abort)) break;
    // Parsed again for each further handler, so that none can change the result of another one.
    const own = index === 0 ? result : parseStoredBody(source).result;
    const work = { entry: handled, result: own ?? result };
    const failure = await runOne(handler, work, abort, options);
    if (failure === null) succeededHandlers.push(handler.name);
    else if (isAborted(abort)) logFailure(handler, failure, entry, FAILED_AFTER_ABORT, options);
    else {
      failures.push(failure);
      const message = describeFailedAttempt(outcomeSoFar(), attempts, maxAttempts);
      logFailure(handler, failure, entry, message, options);
    }
  }
  const isUnfinished = remaining.some(({ name }) => !succeededHandlers.includes(name));
  if (isUnfinished && isAborted(abort)) return { type: 'released', delayMs: 0, succeededHandlers };
  const outcome = outcomeSoFar();
  const reason = findOutstanding(entry, matching, succeededHandlers);
  return outcome.type === 'done' && reason !== null
    ? toDead('replay_incomplete', reason, succeededHandlers)
    : outcome;
}

function toDead(
  code: DeadLetterCode,
  reason: string,
  succeededHandlers: readonly string[] = [],
): Outcome {
  return { type: 'dead', code, reason, succeededHandlers };
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
  const { handlerLog, stuck, timeoutMs, runInTransaction, metadataSchema } = options;
  const { attempts: attempt } = entry;
  const { maxAttempts } = options.retry;
  const contextOptions = { attempt, maxAttempts, log: handlerLog, metadataSchema };
  if (stuck.has(entry, handler.id)) return toStuckFailure(handler.name, timeoutMs);
  const transaction = createHandlerTransaction(
    runInTransaction && ((work) => runInTransaction(handler.name, work)),
  );
  const handle = (abort: LazyAbort) =>
    transaction.run(abort, (transaction) =>
      callHandler(handler.handle, result, entry, { ...contextOptions, abort, transaction }),
    );
  const end = await runHandler(handle, timeoutMs, outer, options.clock);
  if (end.type === 'succeeded') return null;
  if (end.type === 'stuck') stuck.add(entry, handler.id, end.ended);
  const failure =
    end.type === 'stuck'
      ? toStuckFailure(handler.name, timeoutMs)
      : toFailure(handler.name, end.thrown);
  if (!transaction.hasCommitted()) return failure;
  logFailure(handler, failure, entry, FAILED_AFTER_COMMIT, options);
  return null;
}

function logFailure(
  { label }: RegisteredHandler,
  { reason, stack }: Failure,
  { taskId, attempts: attempt }: AttemptEntry,
  message: string,
  { log }: RunAttemptOptions,
): void {
  log.warn({ taskId, handler: label, attempt, reason, stack }, message);
}

const FAILED_AFTER_COMMIT =
  'worker: a handler failed after its transaction had committed. It counts as succeeded.';
const FAILED_AFTER_ABORT =
  'worker: a handler failed after its signal was aborted. The attempt does not count.';
