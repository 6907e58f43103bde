import * as z from 'zod';

import { milliseconds, parseOptions, strictOptions } from './check-options.ts';

/** Milliseconds to wait after the failed attempt with this number (1 is the first). */
export type RetryDelay = (attempt: number) => number;

/** The shape of the backoff. */
export interface ExponentialBackoffOptions {
  /** Upper bound of the first delay, in milliseconds. Default 2 s. */
  readonly initialMs?: number | undefined;
  /** Factor by which the upper bound grows with each delay. Default 3. */
  readonly factor?: number | undefined;
  /** Maximum of the upper bound, in milliseconds. Default 15 minutes. */
  readonly maxMs?: number | undefined;
  /** Returns 0 up to 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

const schema = strictOptions({
  initialMs: z.number().positive('must be above 0').default(2000),
  factor: z.number().min(1, 'must be at least 1').default(3),
  maxMs: milliseconds.default(900_000),
  random: z
    .custom<() => number>((value) => typeof value === 'function', 'must be a function')
    .default(() => Math.random),
}).refine(({ initialMs, maxMs }) => maxMs >= initialMs, {
  path: ['maxMs'],
  message: 'must be at least initialMs',
});

/**
 * Exponential backoff with full jitter: each delay is a random value between zero and a growing
 * bound, so that entries which failed together are not retried together
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 *
 * With the defaults and eight attempts, the delays add up to at most 27 minutes, and half of that on
 * average. Result links expire after about an hour.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * createReceiver({ secret, retry: { maxAttempts: 5, delay: exponentialBackoff({ initialMs: 500 }) } });
 */
export function exponentialBackoff(options: ExponentialBackoffOptions = {}): RetryDelay {
  const { initialMs, factor, maxMs, random } = parseOptions('exponentialBackoff', schema, options);
  return (attempt) => random() * Math.min(maxMs, initialMs * factor ** (attempt - 1));
}
