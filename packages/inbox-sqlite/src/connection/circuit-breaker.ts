/** Stops attempts for a while after a failure. */
export interface CircuitBreaker {
  /** @throws the failure that opened the breaker, while it is open */
  check(): void;
  /**
   * @param minOpenMs shortest time to stay open, in milliseconds
   * @param failureMs how long the failure blocked the event loop, in milliseconds
   */
  open(failure: unknown, minOpenMs: number, failureMs?: number): void;
}

/** Keeps the breaker open for 20 times the failure, so that failures take at most 5 % of the time. */
const OPEN_TIME_FACTOR = 20;

export function createCircuitBreaker(): CircuitBreaker {
  let state = { openUntil: -Infinity, failure: undefined as unknown };
  return {
    check() {
      if (performance.now() < state.openUntil) throw state.failure;
    },
    open(failure, minOpenMs, failureMs = 0) {
      const openMs = Math.max(minOpenMs, failureMs * OPEN_TIME_FACTOR);
      state = { openUntil: performance.now() + openMs, failure };
    },
  };
}
