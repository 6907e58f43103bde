import { WebhookError } from './errors.ts';

/**
 * Makes a promise throw if it is used in place of its value: as JSON, as text, or with a spread. JSON has
 * `{}` for a promise, so without it a submit call without `await` would never get its webhook.
 *
 * @param method that returned the promise
 * @param members of the value that the promise does not have
 */
export function mustAwait<T>(
  promise: Promise<T>,
  method: string,
  members: readonly string[] = [],
): Promise<T> {
  const fail = (): never => {
    const message = `${method}: its promise was used before it resolved. Write: await receiver.${method}(…).`;
    throw new WebhookError('invalid_argument', message);
  };
  for (const member of ['toJSON', Symbol.toPrimitive]) {
    void Object.defineProperty(promise, member, { value: fail });
  }
  // Enumerable, because a spread reads only such properties.
  for (const member of members) {
    void Object.defineProperty(promise, member, { get: fail, enumerable: true });
  }
  return promise;
}
