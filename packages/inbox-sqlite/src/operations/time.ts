/**
 * Rounds a time up to whole milliseconds, which the columns hold, and limits it to safe integers.
 * Clocks and delays may have fractions, and a handler may request a delay of any length.
 */
export function toMs(time: number): number {
  return Math.min(Math.ceil(time), Number.MAX_SAFE_INTEGER);
}
