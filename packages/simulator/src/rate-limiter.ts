import type { ResolvedRateLimit } from './options.ts';

/** Counts a request. Returns milliseconds until the next one is allowed, or `undefined` if it is allowed. */
export type RateLimiter = (apiKey: string) => number | undefined;

/** Creates a limiter with fixed windows, one series for each API key. */
export const createRateLimiter = (
  limit: ResolvedRateLimit | undefined,
  now: () => number,
): RateLimiter => {
  const windows = new Map<string, { startedAt: number; requests: number }>();
  return (apiKey) => {
    if (limit === undefined) return undefined;
    const { requests, windowMs } = limit;
    const at = now();
    const current = windows.get(apiKey);
    if (current === undefined || at >= current.startedAt + windowMs) {
      windows.set(apiKey, { startedAt: at, requests: 1 });
      return undefined;
    }
    current.requests += 1;
    return current.requests <= requests ? undefined : current.startedAt + windowMs - at;
  };
};
