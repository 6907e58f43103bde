import { milliseconds, parseArgument, strictOptions } from './check-options.ts';
import { isWebhookError } from './errors.ts';

const schema = strictOptions({ gracePeriodMs: milliseconds.default(10_000) });

/** Calls `close` with the milliseconds that running work has. Rejects with `invalid_argument`. */
export function withGracePeriod(
  options: object,
  close: (gracePeriodMs: number) => Promise<void>,
): Promise<void> {
  try {
    return close(parseArgument('close', schema, options).gracePeriodMs);
  } catch (error) {
    if (!isWebhookError(error)) throw error;
    return Promise.reject(error);
  }
}
