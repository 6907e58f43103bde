import type { DeadLetterCode, HandlerFailure, Outcome, RunInTransaction } from '../inbox/ports.ts';
import { findDamage } from '../inbox/stored-entry.ts';
import { monotonicMs } from '../shared/clock.ts';
import { isPromise } from '../shared/is-promise.ts';
import type { LazyAbort } from '../shared/lazy-abort.ts';
import { keepErrors } from './attempt-errors.ts';
import { withAttemptLog, type AttemptReport } from './attempt-log.ts';
import type { AttemptEntry, RunAttemptOptions, SelectedWork } from './attempt-parts.ts';
import type { EndedEarly, HandledResult } from './handled-result.ts';
import type { Failure } from './handler-failure.ts';
import type { RegisteredHandler } from './handlers.ts';
import { findOutstanding, findUnknownHandlers } from './partial-replay.ts';
import { selectHandlers } from './select-handlers.ts';
import { createScheduledDelay, describeFailedAttempt, toOutcome } from './to-outcome.ts';
import { logFailure, tryHandler } from './try-handler.ts';

/** What an attempt has found so far. */
interface Progress {
  /** Names that the inbox records. */
  readonly succeededHandlers: string[];
  /** One for each handler that failed. */
  readonly failures: Failure[];
  /** What else operators should see. */
  readonly remarks: HandlerFailure[];
  /** Draws the delay before the next attempt, once. */
  scheduledDelayMs?: () => number;
}

/**
 * Runs the handlers that have not succeeded yet, in order, and returns the outcome of the entry.
 *
 * @param runInTransaction passed by inboxes with transactions
 */
export async function runAttempt(
  entry: AttemptEntry,
  abort: LazyAbort,
  options: RunAttemptOptions,
  runInTransaction?: RunInTransaction,
): Promise<Outcome> {
  const startedAt = options.clock.now();
  const start = monotonicMs(options.clock);
  const progress: Progress = { succeededHandlers: [], failures: [], remarks: [] };
  const outcome = await runHandlers(entry, abort, options, progress, runInTransaction);
  const durationMs = Math.round(monotonicMs(options.clock) - start);
  return withReport(entry, outcome, { startedAt, durationMs }, progress);
}

function withReport(
  entry: AttemptEntry,
  outcome: Outcome,
  { startedAt, durationMs }: Omit<AttemptReport, 'failures'>,
  { failures, remarks }: Progress,
): Outcome {
  const logs = [...remarks, ...failures.map(({ logged }) => logged)];
  const logged = withAttemptLog(entry, outcome, { startedAt, durationMs, failures: logs });
  const errors = failures.flatMap(({ thrown = [] }) => thrown);
  keepErrors(logged, errors);
  return logged;
}

async function runHandlers(
  entry: AttemptEntry,
  abort: LazyAbort,
  options: RunAttemptOptions,
  progress: Progress,
  runInTransaction: RunInTransaction | undefined,
): Promise<Outcome> {
  const damage = findDamage(entry);
  if (damage !== null) return toDead('invalid_result', damage);
  progress.succeededHandlers.push(...entry.succeededHandlers);
  const found = options.resultSource.resultOf(entry, abort);
  const source = isPromise(found) ? await found : found;
  const selected = select(entry, source, options, progress);
  if ('ended' in selected) return selected.ended;
  for (const handler of selected.remaining) {
    const doubt = abort.settleDoubt?.();
    if (doubt) await doubt;
    if (isAborted(abort)) break;
    const running = tryHandler(handler, selected, abort, options, runInTransaction);
    const failure = isPromise(running) ? await running : running;
    if (failure === null) progress.succeededHandlers.push(handler.name);
    else recordFailure(handler, failure, entry, isAborted(abort), options, progress);
  }
  return toEnd(entry, selected, isAborted(abort), options, progress);
}

function select(
  entry: AttemptEntry,
  source: HandledResult | EndedEarly,
  { handlers, warnOnce, testEvents, retry }: RunAttemptOptions,
  { succeededHandlers, failures, remarks }: Progress,
): SelectedWork | Pick<EndedEarly, 'ended'> {
  if ('ended' in source) {
    failures.push(...source.failures);
    return source;
  }
  if (source.remark) remarks.push(source.remark);
  const dead = (code: DeadLetterCode, reason: string) => ({
    ended: toDead(code, reason, succeededHandlers),
  });
  const { result, schemaError } = source.parsed;
  if (result === null) return dead('invalid_result', schemaError);
  const { testMode } = source;
  if (testMode && testEvents === 'ignore') return { ended: { type: 'done', succeededHandlers } };
  const matching = handlers.matching(result);
  const remaining = selectHandlers(result, matching, entry, warnOnce);
  const unknown = findUnknownHandlers(entry, matching);
  if (unknown !== null) return dead('replay_incomplete', unknown);
  const { attempts, isTakeover = true } = entry;
  if (remaining.length > 0 && attempts > retry.maxAttempts && isTakeover) {
    return dead('attempt_lost', neverSettled(entry, retry.maxAttempts));
  }
  const handled = testMode === entry.testMode ? entry : { ...entry, testMode };
  return { entry: handled, source, result, matching, remaining };
}

function recordFailure(
  handler: RegisteredHandler,
  failure: Failure,
  entry: AttemptEntry,
  isAborted: boolean,
  options: RunAttemptOptions,
  progress: Progress,
): void {
  if (isAborted) {
    logFailure(handler, failure, entry, FAILED_AFTER_ABORT, options);
    return;
  }
  progress.failures.push(failure);
  const outcome = outcomeSoFar(entry, options, progress);
  const message = describeFailedAttempt(outcome, entry.attempts, options.retry.maxAttempts);
  logFailure(handler, failure, entry, message, options);
}

function outcomeSoFar(
  { attempts }: AttemptEntry,
  { retry: { maxAttempts, delay }, log }: RunAttemptOptions,
  progress: Progress,
): Outcome {
  const { failures, succeededHandlers } = progress;
  if (failures.length === 0) return { type: 'done', succeededHandlers: [...succeededHandlers] };
  const scheduledDelayMs = (progress.scheduledDelayMs ??= createScheduledDelay(
    delay,
    attempts,
    log,
  ));
  const retry = { maxAttempts, scheduledDelayMs };
  return toOutcome(failures, attempts, [...succeededHandlers], retry);
}

function toEnd(
  entry: AttemptEntry,
  { matching, remaining }: SelectedWork,
  isAborted: boolean,
  options: RunAttemptOptions,
  progress: Progress,
): Outcome {
  const { succeededHandlers } = progress;
  const isUnfinished = remaining.some(({ name }) => !succeededHandlers.includes(name));
  if (isUnfinished && isAborted) return { type: 'released', delayMs: 0, succeededHandlers };
  const outcome = outcomeSoFar(entry, options, progress);
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

const FAILED_AFTER_ABORT =
  'worker: a handler failed after its signal was aborted. The attempt does not count.';
