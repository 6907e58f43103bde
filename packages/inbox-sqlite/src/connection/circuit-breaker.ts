/** Leaves alone for a while what has just failed. */
export interface Pause {
  /** Whether it lasts. */
  isOn(): boolean;
  /** Why. */
  reason(): unknown;
  /**
   * @param ms how long it lasts at least, in milliseconds
   * @param tookMs how long the failure took: nothing else happened meanwhile
   */
  begin(reason: unknown, ms: number, tookMs?: number): void;
}

/** … so that no more than a twentieth of the time goes into it. */
const FACTOR = 20;

export function createPause(): Pause {
  let present = { until: -Infinity, reason: undefined as unknown };
  return {
    isOn: () => performance.now() < present.until,
    reason: () => present.reason,
    begin(reason, ms, tookMs = 0) {
      present = { until: performance.now() + Math.max(ms, tookMs * FACTOR), reason };
    },
  };
}
