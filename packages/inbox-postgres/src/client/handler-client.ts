import type { PostgresClient } from '../pool.ts';

export interface Loan {
  readonly client: PostgresClient;
  /** From then on it refuses whatever is asked of it: it may be somebody else's by now. */
  end(): void;
}

/**
 * A client for somebody else's function. Giving it back, as functions do that are handed one, would
 * have the pool pass it on in the middle of a transaction: so that does nothing.
 */
export function lend(client: PostgresClient): Loan {
  let isOver = false;
  const lent = new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name === 'release') return () => undefined;
      if (typeof value !== 'function') return value;
      return (...given: unknown[]): unknown =>
        isOver && name === 'query' ? refuse(given.at(-1)) : Reflect.apply(value, target, given);
    },
  });
  return {
    client: lent,
    end() {
      isOver = true;
    },
  };
}

/** As `pg` would say it: to a callback, where there is one. */
function refuse(callback: unknown): unknown {
  const error = new Error('context.transaction is over: this statement was not run');
  return typeof callback === 'function'
    ? Reflect.apply(callback, undefined, [error])
    : Promise.reject(error);
}
