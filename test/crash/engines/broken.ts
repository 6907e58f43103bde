import { pollingInbox, systemClock, type Store } from '@novita-webhooks/core';
import { sqliteStore, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';

import type { Engine } from '../engine.ts';
import { openDatabase } from './open-database.ts';
import { createSqlite, sqlite } from './sqlite.ts';

/**
 * SQLite inboxes with one defect each. A run with one of them must report a violation: this tests
 * the crash test itself.
 */
export const broken: Readonly<Record<string, Engine>> = {
  /** Rolls back every fifth commit of events, and acknowledges it. */
  'sqlite-forgets': createSqlite(dropCommits),
  /** Ignores the fencing token: a process that has lost its lease can settle. */
  'sqlite-no-fence': createSqlite(
    rewriteUpdates('AND fencing_token = :fencingToken', 'AND :fencingToken IS NOT NULL'),
  ),
  /** Does not record which handlers have committed a transaction. */
  'sqlite-no-record': createSqlite(
    rewriteUpdates(
      /SET succeeded_handlers = [^]*(?=\nWHERE)/,
      'SET succeeded_handlers = iif(:succeededHandlers IS NULL, 0, succeeded_handlers)',
    ),
  ),
  /** Uses shorter leases than the worker assumes. */
  'sqlite-short-leases': createWithStore((database) => {
    const store = sqliteStore({ database });
    return { ...store, claim: (endpoint, limit) => store.claim(endpoint, limit, SHORT_LEASE_MS) };
  }),
  /** Takes due times from the time of day, which is set back and forth. */
  'sqlite-time-of-day': createWithStore((database) =>
    sqliteStore({ database, clock: systemClock }),
  ),
};

function dropCommits(database: SqliteDatabase): SqliteDatabase {
  let adds = 0;
  let isAdding = false;

  /** Returns the statement that is executed. */
  function replace(sql: string): string {
    if (sql.startsWith('BEGIN')) isAdding = false;
    if (sql.includes('INSERT INTO novita_events')) isAdding = true;
    if (!sql.startsWith('COMMIT') || !isAdding) return sql;
    adds += 1;
    return adds % 5 === 0 ? 'ROLLBACK' : sql;
  }

  return {
    ...database,
    exec: (sql) => database.exec(replace(sql)),
    prepare(sql) {
      const statement = database.prepare(sql);
      return {
        ...statement,
        run(...params) {
          const replaced = replace(sql);
          return (replaced === sql ? statement : database.prepare(replaced)).run(...params);
        },
      };
    },
  };
}

function rewriteUpdates(
  from: string | RegExp,
  to: string,
): (database: SqliteDatabase) => SqliteDatabase {
  return (database) => ({
    ...database,
    prepare: (sql) => database.prepare(sql.includes('UPDATE') ? sql.replace(from, to) : sql),
  });
}

const SHORT_LEASE_MS = 20;

function createWithStore(createStore: (database: SqliteDatabase) => Store): Engine {
  return {
    ...sqlite,
    async open(location, options) {
      const { leaseDurationMs, pollIntervalMs, cleanupIntervalMs, retention } = options;
      const { ledger, inbox: unused } = await sqlite.open(location, options);
      await unused.close();
      const polling = { leaseDurationMs, pollIntervalMs, cleanupIntervalMs, retention };
      return { inbox: pollingInbox(createStore(openDatabase(location)), polling), ledger };
    },
  };
}
