/**
 * A time as the columns take it: whole milliseconds. Clocks may tell fractions of them, delays come
 * with jitter, and a handler may ask for a delay of any length.
 */
export function toMs(time: number): number {
  return Math.min(Math.ceil(time), Number.MAX_SAFE_INTEGER);
}
