/** Aborts one piece of work. Its signal is created when it is first read, because few handlers do. */
export interface LazyAbort {
  readonly signal: AbortSignal;
  readonly aborted: boolean;
  abort(reason: unknown): void;
  /** @throws the reason of `abort` */
  throwIfAborted(): void;
}

export function createLazyAbort(): LazyAbort {
  let controller: AbortController | undefined;
  let aborted: { readonly reason: unknown } | undefined;
  return {
    get signal() {
      if (controller === undefined) {
        controller = new AbortController();
        if (aborted !== undefined) controller.abort(aborted.reason);
      }
      return controller.signal;
    },
    get aborted() {
      return aborted !== undefined;
    },
    abort(reason) {
      if (aborted !== undefined) return;
      aborted = { reason };
      controller?.abort(reason);
    },
    throwIfAborted() {
      if (aborted !== undefined) throw aborted.reason;
    },
  };
}
