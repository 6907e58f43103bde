/** The source of time. Tests inject another clock instead of waiting. */
export interface Clock {
  /** Milliseconds since 1970. May jump when the machine's clock is set. */
  now(): number;
  /**
   * Milliseconds since an arbitrary start, which never jump: durations are measured with it. Default:
   * `now`.
   */
  readonly monotonic?: () => number;
  /**
   * Calls `callback` once after `delayMs` milliseconds. The returned function cancels the timer.
   *
   * @param options `background`: the timer does not keep the process alive
   */
  after(
    delayMs: number,
    callback: () => void,
    options?: { readonly background?: boolean },
  ): () => void;
}

/** `setTimeout` fires at once if its delay exceeds a signed 32-bit integer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The runtime's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback, { background = false } = {}) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_TIMER_MS));
    if (background) (timer as { unref?: () => void }).unref?.(); // on most runtimes a timer is a number
    return () => clearTimeout(timer);
  },
};

/** For durations. Not a time of day: compare it only with other values of the same clock. */
export function monotonicMs(clock: Clock): number {
  return clock.monotonic?.() ?? clock.now();
}

/**
 * A time of day that does not jump: the time at the call of this function plus what has passed since.
 *
 * @returns a function that returns milliseconds since 1970
 */
export function steadyTime(clock: Clock): () => number {
  const offsetMs = clock.now() - monotonicMs(clock);
  return () => monotonicMs(clock) + offsetMs;
}

/** The value of `withDeadline` when the time limit came first. */
export const LATE: unique symbol = Symbol('late');

/**
 * The value of `work`, or `LATE` after `ms` milliseconds. The work itself is not stopped. A
 * rejection after the time limit is ignored, because the caller has the result `LATE` by then.
 */
export function withDeadline<T>(
  work: Promise<T>,
  ms: number,
  clock: Clock,
): Promise<T | typeof LATE> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(LATE));
    const after =
      <V>(settle: (value: V) => void) =>
      (value: V) => {
        cancel();
        settle(value);
      };
    work.then(after(resolve), after(reject));
  });
}
