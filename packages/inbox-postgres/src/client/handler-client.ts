import type { PostgresClient } from '../pool.ts';

/** The client that `context.transaction` gives to a handler. */
export interface HandlerClient {
  readonly client: PostgresClient;
  /** From now on `query` rejects: the pool may give the connection to another caller. */
  revoke(): void;
}

/** Wraps a client. `release()` does nothing, since the transaction is still open. */
export function createHandlerClient(client: PostgresClient): HandlerClient {
  let isRevoked = false;
  const wrapped = new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name === 'release') return () => undefined;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown =>
        isRevoked && name === 'query' ? reject(args.at(-1)) : Reflect.apply(value, target, args);
    },
  });
  return {
    client: wrapped,
    revoke() {
      isRevoked = true;
    },
  };
}

/** Reports the error as `pg` does: to the callback, if the caller passed one. */
function reject(callback: unknown): unknown {
  const error = new Error(
    'inbox-postgres: context.transaction has ended, so the statement was not run. ' +
      'Await every statement inside its function.',
  );
  return typeof callback === 'function'
    ? Reflect.apply(callback, undefined, [error])
    : Promise.reject(error);
}
