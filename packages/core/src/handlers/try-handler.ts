import type { TaskResult } from '../events/task-result.ts';
import type { RunInTransaction } from '../inbox/ports.ts';
import { isPromise } from '../shared/is-promise.ts';
import type { LazyAbort } from '../shared/lazy-abort.ts';
import type { AttemptEntry, RunAttemptOptions, SelectedWork } from './attempt-parts.ts';
import { callHandler } from './call-handler.ts';
import { toFailure, toStuckFailure, type Failure } from './handler-failure.ts';
import { createHandlerTransaction, NO_TRANSACTION } from './handler-transaction.ts';
import type { RegisteredHandler } from './handlers.ts';
import { parseStoredBody } from './parse-stored-body.ts';
import { runHandler, type HandlerEnd } from './run-handler.ts';

/**
 * Runs one handler. Answers at once if the handler does not wait.
 *
 * @returns `null` if it has succeeded, also with a transaction that committed before it failed
 */
export function tryHandler(
  handler: RegisteredHandler,
  selected: SelectedWork,
  outer: LazyAbort,
  options: RunAttemptOptions,
  runInTransaction: RunInTransaction | undefined,
): Failure | null | Promise<Failure | null> {
  const { handlerLog, stuck, timeoutMs, metadataSchema, retry, clock } = options;
  const { entry } = selected;
  if (stuck.has(entry, handler.id)) return toStuckFailure(handler.name, timeoutMs);
  const result = ownResult(handler, selected);
  const transaction =
    runInTransaction === undefined
      ? NO_TRANSACTION
      : createHandlerTransaction((work) => runInTransaction(handler.name, work));
  const handle = (abort: LazyAbort) =>
    transaction.run(abort, (transaction) =>
      callHandler(handler.handle, result, entry, {
        attempt: entry.attempts,
        maxAttempts: retry.maxAttempts,
        log: handlerLog,
        metadataSchema,
        abort,
        transaction,
      }),
    );
  const toResult = (end: HandlerEnd): Failure | null => {
    if (end.type === 'succeeded') return null;
    if (end.type === 'stuck') stuck.add(entry, handler.id, end.ended);
    const failure =
      end.type === 'stuck'
        ? toStuckFailure(handler.name, timeoutMs)
        : toFailure(handler.name, end.thrown);
    if (!transaction.hasCommitted()) return failure;
    logFailure(handler, failure, entry, FAILED_AFTER_COMMIT, options);
    return null;
  };
  const running = runHandler(handle, timeoutMs, outer, clock);
  return isPromise(running) ? running.then(toResult) : toResult(running);
}

/** Parsed again for each further handler, so that none can change the result of another one. */
function ownResult(
  handler: RegisteredHandler,
  { source, result, remaining }: SelectedWork,
): TaskResult {
  return handler === remaining[0] ? result : (parseStoredBody(source).result ?? result);
}

/** @param message says what follows from the failure */
export function logFailure(
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
