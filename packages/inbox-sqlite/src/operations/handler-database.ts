import type { SqliteDatabase } from '../driver/driver.ts';

/** The connection that `context.transaction` gives to a handler. */
export interface HandlerDatabase {
  readonly database: SqliteDatabase;
  /** From now on every method throws: the inbox goes on with its connection. */
  revoke(): void;
}

/** Wraps a connection. `close` always throws, since the inbox or the caller of it owns the connection. */
export function createHandlerDatabase(database: SqliteDatabase): HandlerDatabase {
  let isRevoked = false;
  const wrapped = new Proxy(database, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function' || name === 'constructor') return value;
      return (...args: unknown[]): unknown => {
        if (isRevoked) throw new Error(HAS_ENDED);
        if (name === 'close') throw new Error(CLOSE);
        return Reflect.apply(value, target, args);
      };
    },
  });
  return {
    database: wrapped,
    revoke() {
      isRevoked = true;
    },
  };
}

const HAS_ENDED =
  'inbox-sqlite: context.transaction has ended, so nothing was run on its connection. Use the ' +
  'connection inside the function only; for other work open a connection of your own.';
const CLOSE =
  'inbox-sqlite: context.transaction does not own its connection, so it was not closed. Remove close() ' +
  'from the function.';
