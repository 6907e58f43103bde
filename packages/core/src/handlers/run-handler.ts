import type { Clock } from '../shared/clock.ts';
import { isWebhookError, WebhookError } from '../shared/errors.ts';

/** How a handler's run ended. `stuck`: it goes on although it was told to stop. */
export type HandlerEnd =
  | { readonly type: 'succeeded' }
  | { readonly type: 'failed'; readonly thrown: unknown }
  | { readonly type: 'stuck'; readonly ended: Promise<unknown> };

/**
 * Runs a handler with a signal that is aborted when its time is up. A handler that does not listen
 * gets the same time once more, because its work may still succeed and must not run twice at a
 * time; after that it counts as stuck.
 *
 * @param timeoutMs milliseconds until the signal is aborted
 * @param outer aborted when the attempt is to end early
 */
export function runHandler(
  handle: (signal: AbortSignal) => unknown,
  timeoutMs: number,
  outer: AbortSignal,
  clock: Clock,
): Promise<HandlerEnd> {
  const controller = new AbortController();
  return new Promise<HandlerEnd>((resolve) => {
    let cancel = clock.after(timeoutMs, () => {
      const message = `the handler took over ${timeoutMs} ms`;
      controller.abort(new WebhookError('handler_timeout', message));
      cancel = clock.after(timeoutMs, () => end({ type: 'stuck', ended }));
    });
    const abort = () => {
      controller.abort(outer.reason);
      // A receiver that has closed waits for nobody, and its timers must not hold the process.
      if (isWebhookError(outer.reason, 'closing')) cancel();
    };
    const end = (result: HandlerEnd) => {
      cancel();
      outer.removeEventListener('abort', abort);
      resolve(result);
    };
    if (outer.aborted) abort();
    else outer.addEventListener('abort', abort);
    // In a function of its own, so that a handler which throws at once is one that rejects.
    const run = async () => handle(controller.signal);
    const ended = run().then(
      () => end({ type: 'succeeded' }),
      (thrown: unknown) => end({ type: 'failed', thrown }),
    );
  });
}
