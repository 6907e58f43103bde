import type { Clock } from '../shared/clock.ts';
import { describeError, isWebhookError, retryDelayOf, stackOf } from '../shared/errors.ts';
import type { HandlerContext, Handlers, RegisteredHandler } from './handlers.ts';
import type { NewEntry, Outcome, RunInTransaction } from '../inbox/ports.ts';
import { errorFields, withFields, type Logger } from '../shared/logger.ts';
import { createOwnTransaction } from './handler-transaction.ts';
import { exponentialBackoff, type RetryDelay } from './backoff.ts';
import { runHandler } from './run-handler.ts';
import type { StuckHandlers } from './stuck-handlers.ts';
import { parseTaskResult } from '../events/task-result-schema.ts';

/** An entry as an attempt needs it. */
export interface AttemptEntry extends NewEntry {
  readonly attempts: number;
  readonly succeededHandlers: readonly string[];
}

export interface RunAttemptOptions {
  readonly handlers: Pick<Handlers, 'matching'>;
  readonly retry: { readonly maxAttempts: number; readonly delay: RetryDelay };
  readonly timeoutMs: number;
  readonly stuck: StuckHandlers;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of a transactional inbox. */
  readonly transact?: RunInTransaction | undefined;
}

/** What went wrong in an attempt, and what that means for the next one. */
interface Failure {
  readonly reason: string;
  readonly stack?: string | undefined;
  /** Trying again cannot help, or must not be done. */
  readonly final: boolean;
  /** The handler's own wish. */
  readonly delayMs: number | null;
}

/** Runs the handlers that have not succeeded yet, in order, and says what is to become of the entry. */
export async function runAttempt(
  entry: AttemptEntry,
  signal: AbortSignal,
  options: RunAttemptOptions,
): Promise<Outcome> {
  const { result, schemaError } = parseTaskResult(JSON.parse(entry.body), entry.receivedAt);
  if (result === null)
    return { type: 'dead', reason: schemaError, succeededHandlers: entry.succeededHandlers };

  const succeededHandlers = [...entry.succeededHandlers];
  const failures: Failure[] = [];
  const matching = options.handlers.matching(result);
  if (matching.length === 0) options.log.debug({ taskId: entry.taskId }, 'no handler wants this');
  const open = matching.filter(({ name }) => !succeededHandlers.includes(name));
  const { maxAttempts } = options.retry;
  if (open.length > 0 && entry.attempts > maxAttempts) {
    return { type: 'dead', reason: neverSettled(entry.attempts, maxAttempts), succeededHandlers };
  }
  for (const handler of open) {
    if (isAborted(signal)) break;
    const failure = await runOne(handler, entry, signal, options);
    if (failure === null) succeededHandlers.push(handler.name);
    else if (!isAborted(signal)) failures.push(failure);
  }
  const left = open.some(({ name }) => !succeededHandlers.includes(name));
  if (left && isAborted(signal)) return { type: 'released', delayMs: 0, succeededHandlers };
  return decide(failures, entry.attempts, succeededHandlers, options);
}

function neverSettled(attempt: number, maxAttempts: number): string {
  return (
    `not attempted again: ${attempt - 1} attempts were begun, ${maxAttempts} are allowed, ` +
    'and the last one was never settled. Did it end the process?'
  );
}

/** A call, because the compiler does not know that this changes while something is awaited. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

async function runOne(
  handler: RegisteredHandler,
  entry: AttemptEntry,
  signal: AbortSignal,
  options: RunAttemptOptions,
): Promise<Failure | null> {
  const { log, stuck, timeoutMs, transact } = options;
  const { maxAttempts } = options.retry;
  if (stuck.has(entry, handler.name)) return failedByBeingStuck(timeoutMs);
  // Parsed anew for each handler: none sees what another one did to the result.
  const { result } = parseTaskResult(JSON.parse(entry.body), entry.receivedAt);
  if (result === null) return null;
  const own = createOwnTransaction(transact && ((work) => transact(handler.name, work)));
  const handle = (signal: AbortSignal) =>
    own.during(signal, (transaction) =>
      handler.handle(result, contextOf(entry, signal, { maxAttempts, log, transaction })),
    );
  const end = await runHandler(handle, timeoutMs, signal, options.clock);
  if (end.type === 'succeeded') return null;
  if (end.type === 'stuck') stuck.add(entry, handler.name, end.ended);
  const failure = end.type === 'stuck' ? failedByBeingStuck(timeoutMs) : describe(end.thrown);
  const { taskId, attempts: attempt } = entry;
  const { reason, stack } = failure;
  const committed = own.hasCommitted();
  const message = committed ? FAILED_TOO_LATE : 'a handler failed';
  log.warn({ taskId, handler: handler.name, attempt, reason, stack }, message);
  return committed ? null : failure;
}

const FAILED_TOO_LATE =
  'a handler failed after its transaction had committed: it counts as succeeded';

interface ContextOptions {
  readonly maxAttempts: number;
  readonly log: Logger;
  readonly transaction: HandlerContext['transaction'];
}

export function contextOf(
  entry: AttemptEntry,
  signal: AbortSignal,
  { maxAttempts, log, transaction }: ContextOptions,
): HandlerContext {
  return {
    taskId: entry.taskId,
    attempt: entry.attempts,
    maxAttempts,
    signal,
    receivedAt: new Date(entry.receivedAt),
    metadata: structuredClone(entry.metadata),
    testMode: entry.testMode,
    log: withFields(log, { taskId: entry.taskId }),
    transaction,
  };
}

function failedByBeingStuck(timeoutMs: number): Failure {
  const reason =
    `the handler ignored its signal for ${timeoutMs} ms after its time was up and may still be ` +
    'running; replay the entry when it is not';
  return { reason, final: true, delayMs: null };
}

function describe(thrown: unknown): Failure {
  return {
    reason: describeError(thrown),
    stack: stackOf(thrown),
    final: isWebhookError(thrown, 'permanent'),
    delayMs: retryDelayOf(thrown),
  };
}

function decide(
  failures: readonly Failure[],
  attempt: number,
  succeededHandlers: readonly string[],
  { retry, log }: RunAttemptOptions,
): Outcome {
  if (failures.length === 0) return { type: 'done' };
  const reason = failures.map((failure) => failure.reason).join('; ');
  if (failures.some(({ final }) => final) || attempt >= retry.maxAttempts) {
    return { type: 'dead', reason, succeededHandlers };
  }
  const wishes = failures.flatMap(({ delayMs }) => (delayMs === null ? [] : [delayMs]));
  const delayMs =
    wishes.length > 0 ? Math.max(...wishes) : scheduledDelay(retry.delay, attempt, log);
  return { type: 'retry', delayMs, reason, succeededHandlers };
}

const fallbackDelay = exponentialBackoff();

/** The integrator's schedule; where that throws or answers nonsense, ours. */
function scheduledDelay(delay: RetryDelay, attempt: number, log: Logger): number {
  try {
    const ms = delay(attempt);
    if (Number.isFinite(ms) && ms >= 0) return ms;
    log.error(
      { attempt, delay: String(ms) },
      'retry.delay must return milliseconds; using the default',
    );
  } catch (error) {
    log.error({ attempt, ...errorFields(error) }, 'retry.delay threw; using the default');
  }
  return fallbackDelay(attempt);
}
