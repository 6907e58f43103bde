/** Aborts one piece of work. Its signal is created when it is first asked for: few handlers need it. */
export interface LazyAbort {
  signal(): AbortSignal;
  readonly aborted: boolean;
  /** That of `abort`; `undefined` before. */
  readonly reason: unknown;
  /** The one listener, which `abort` calls. For the work itself; handlers use the signal. */
  onAbort: (() => void) | null;
  /** Finds out whether the work may go on, if that is in doubt, and else aborts it. */
  settleDoubt: (() => void | Promise<void>) | null;
  abort(reason: unknown): void;
  /** @throws the reason of `abort` */
  throwIfAborted(): void;
}

export function createLazyAbort(): LazyAbort {
  let controller: AbortController | undefined;
  const lazy = {
    aborted: false,
    reason: undefined as unknown,
    onAbort: null as LazyAbort['onAbort'],
    settleDoubt: null as LazyAbort['settleDoubt'],
    signal() {
      if (controller === undefined) {
        controller = new AbortController();
        if (lazy.aborted) controller.abort(lazy.reason);
      }
      return controller.signal;
    },
    abort(reason: unknown) {
      if (lazy.aborted) return;
      lazy.aborted = true;
      lazy.reason = reason;
      controller?.abort(reason);
      lazy.onAbort?.();
    },
    throwIfAborted() {
      if (lazy.aborted) throw lazy.reason;
    },
  };
  return lazy;
}

/** Runs `work` with an abort that follows `signal` until the work has settled. */
export async function followSignal<T>(
  signal: AbortSignal,
  work: (abort: LazyAbort) => Promise<T>,
): Promise<T> {
  const abort = createLazyAbort();
  const follow = () => abort.abort(signal.reason);
  if (signal.aborted) follow();
  else signal.addEventListener('abort', follow);
  try {
    return await work(abort);
  } finally {
    signal.removeEventListener('abort', follow);
  }
}
