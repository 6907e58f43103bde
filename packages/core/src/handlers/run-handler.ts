import type { Clock } from '../shared/clock.ts';
import { isWebhookError, WebhookError } from '../shared/errors.ts';
import { isPromise } from '../shared/is-promise.ts';
import { createLazyAbort, type LazyAbort } from '../shared/lazy-abort.ts';

/** How a run of a handler ended. `stuck`: it still runs although its signal was aborted. */
export type HandlerEnd =
  | { readonly type: 'succeeded' }
  | { readonly type: 'failed'; readonly thrown: unknown }
  | { readonly type: 'stuck'; readonly ended: Promise<unknown> };

/**
 * Runs a handler with a signal that is aborted at its timeout. A handler that ignores its signal
 * gets the same time once more: its work may still succeed, and it must not run twice at a time.
 * After that it counts as stuck. Answers at once for a handler that does not wait.
 *
 * @param timeoutMs milliseconds until the signal is aborted
 * @param outer aborted when the attempt has to end early. Runs one handler at a time
 */
export function runHandler(
  handle: (abort: LazyAbort) => unknown,
  timeoutMs: number,
  outer: LazyAbort,
  clock: Clock,
): HandlerEnd | Promise<HandlerEnd> {
  const inner = createLazyAbort();
  const abort = () => inner.abort(outer.reason);
  if (outer.aborted) abort();
  else outer.onAbort = abort;
  try {
    const returned = handle(inner);
    if (isPromise(returned)) return waitForEnd(returned, inner, timeoutMs, outer, clock);
  } catch (thrown) {
    outer.onAbort = null;
    return { type: 'failed', thrown };
  }
  outer.onAbort = null;
  return SUCCEEDED;
}

const SUCCEEDED: HandlerEnd = { type: 'succeeded' };

function waitForEnd(
  work: PromiseLike<unknown>,
  inner: LazyAbort,
  timeoutMs: number,
  outer: LazyAbort,
  clock: Clock,
): Promise<HandlerEnd> {
  return new Promise<HandlerEnd>((resolve) => {
    let cancel = clock.after(timeoutMs, () => {
      const message = `the handler took more than ${timeoutMs} ms`;
      inner.abort(new WebhookError('handler_timeout', message));
      cancel = clock.after(timeoutMs, () => end({ type: 'stuck', ended }));
    });
    const abort = () => {
      inner.abort(outer.reason);
      // A closed receiver waits for no handler, and its timers must not keep the process alive.
      if (isWebhookError(outer.reason, 'closing')) cancel();
    };
    const end = (result: HandlerEnd) => {
      cancel();
      if (outer.onAbort === abort) outer.onAbort = null; // a stuck handler ends beside a later one
      resolve(result);
    };
    if (outer.aborted) abort();
    else outer.onAbort = abort;
    const ended = Promise.resolve(work).then(
      () => end(SUCCEEDED),
      (thrown: unknown) => end({ type: 'failed', thrown }),
    );
  });
}
