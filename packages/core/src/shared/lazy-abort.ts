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
  return new Abort();
}

/** A class, because two are made for each event: its methods are not made with each. */
class Abort implements LazyAbort {
  aborted = false;
  reason: unknown = undefined;
  onAbort: LazyAbort['onAbort'] = null;
  settleDoubt: LazyAbort['settleDoubt'] = null;
  private controller: AbortController | undefined = undefined;

  signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.aborted) this.controller.abort(this.reason);
    }
    return this.controller.signal;
  }

  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.controller?.abort(reason);
    this.onAbort?.();
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }
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
