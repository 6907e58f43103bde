import { describeError, isWebhookError, WebhookError } from '../shared/errors.ts';

/**
 * Calls the inbox for a method of the receiver. An error of a driver may hold a connection string, so its
 * message is redacted. The error itself is the `cause`.
 *
 * @param method that the error names
 * @throws WebhookError `inbox_unavailable`, or the one that the inbox throws
 */
export async function fromInbox<T>(method: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (isWebhookError(error)) throw error;
    const message = `${method}: the inbox failed (${describeError(error)}). Try again when it works.`;
    throw new WebhookError('inbox_unavailable', message, { cause: error });
  }
}
