import { WebhookError } from '../shared/errors.ts';

/** How long to wait after the given failed attempt (1 is the first), in milliseconds. */
export type RetryDelay = (attempt: number) => number;

/** The shape of the backoff. */
export interface ExponentialBackoffOptions {
  /** Upper bound of the first delay, in milliseconds. Default 2 s. */
  readonly initialMs?: number | undefined;
  /** By how much the upper bound grows from delay to delay. Default 3. */
  readonly factor?: number | undefined;
  /** Where it stops growing, in milliseconds. Default 15 minutes. */
  readonly maxMs?: number | undefined;
  /** 0 up to 1; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/**
 * Exponential backoff with full jitter: each delay is drawn evenly from zero to a bound that grows,
 * so that entries which failed together do not come back together
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 *
 * With the defaults and eight attempts the delays add up to 27 minutes at the most and half of that
 * on average: result links live for about an hour.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * createReceiver({ secret, retry: { attempts: 5, delay: exponentialBackoff({ initialMs: 500 }) } });
 */
export function exponentialBackoff(options: ExponentialBackoffOptions = {}): RetryDelay {
  const { initialMs = 2000, factor = 3, maxMs = 900_000, random = Math.random } = options;
  if (!(initialMs > 0 && factor >= 1 && maxMs >= initialMs)) {
    const message =
      'exponential: needs initialMs above 0, factor from 1 on, maxMs from initialMs on';
    throw new WebhookError('invalid_option', message);
  }
  return (attempt) => random() * Math.min(maxMs, initialMs * factor ** (attempt - 1));
}
