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

/**
 * Runs `work` with an abort that follows the signals until the work has settled. Unlike a signal of
 * `AbortSignal.any`, nothing of it stays in memory afterwards, also if a listener of it does.
 */
export async function followSignals<T>(
  signals: readonly AbortSignal[],
  work: (abort: LazyAbort) => Promise<T>,
): Promise<T> {
  const abort = createLazyAbort();
  const follow = () => abort.abort(signals.find(({ aborted }) => aborted)?.reason);
  for (const signal of signals) signal.addEventListener('abort', follow);
  if (signals.some(({ aborted }) => aborted)) follow();
  try {
    return await work(abort);
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', follow);
  }
}
