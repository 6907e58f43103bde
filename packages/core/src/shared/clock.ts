/** Where time comes from. Inject another one to test what depends on time without waiting. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /**
   * Calls `callback` once after `delayMs` milliseconds; the returned function cancels that.
   *
   * @param options `background`: not worth keeping the process alive for
   */
  after(
    delayMs: number,
    callback: () => void,
    options?: { readonly background?: boolean },
  ): () => void;
}

/** A longer `setTimeout` overflows and fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The runtime's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, callback, { background = false } = {}) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), LONGEST_TIMER_MS));
    if (background) (timer as { unref?: () => void }).unref?.(); // a number, on most runtimes
    return () => clearTimeout(timer);
  },
};

/** What `withDeadline` answers when time was up first. */
export const LATE: unique symbol = Symbol('late');

/**
 * The value of `work`, or `LATE` once `ms` milliseconds have passed. The work itself goes on: who
 * needs it stopped stops it. A rejection that comes after the deadline is swallowed, since nobody
 * is left to hear it.
 */
export function withDeadline<T>(
  work: Promise<T>,
  ms: number,
  clock: Clock,
): Promise<T | typeof LATE> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(LATE));
    work.then(resolve, reject).finally(cancel);
  });
}
