import { pollingInbox } from '@novita-webhooks/core';
import { sqliteStore, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';

import type { Engine } from '../engine.ts';
import { openDatabase } from './open-database.ts';
import { createSqlite, sqlite } from './sqlite.ts';

/**
 * SQLite inboxes, each with one promise taken out, to show that the harness notices: whoever trusts
 * a table of zeros should have seen it with other numbers.
 */
export const broken: Readonly<Record<string, Engine>> = {
  /** Every fifth commit of events does not happen, and is acknowledged all the same. */
  'sqlite-forgets': createSqlite(forgetful),
  /** Whoever has lost an entry can settle it. */
  'sqlite-no-fence': createSqlite(
    rewriting('AND fencing_token = :fencingToken', 'AND :fencingToken IS NOT NULL'),
  ),
  /** That a transaction has committed is not remembered. */
  'sqlite-no-record': createSqlite(
    rewriting(
      /SET succeeded_handlers = [^]*(?=\nWHERE)/,
      'SET succeeded_handlers = iif(:succeededHandlers IS NULL, 0, succeeded_handlers)',
    ),
  ),
  /** Entries can be taken over long before their worker thinks so. */
  'sqlite-short-leases': { ...sqlite, open: openWithShortLeases },
};

function forgetful(database: SqliteDatabase): SqliteDatabase {
  let adds = 0;
  let isAdding = false;

  /** What is executed in place of a statement. */
  function insteadOf(sql: string): string {
    if (sql.startsWith('BEGIN')) isAdding = false;
    if (sql.includes('INSERT INTO novita_events')) isAdding = true;
    if (!sql.startsWith('COMMIT') || !isAdding) return sql;
    adds += 1;
    return adds % 5 === 0 ? 'ROLLBACK' : sql;
  }

  return {
    ...database,
    exec: (sql) => database.exec(insteadOf(sql)),
    prepare(sql) {
      const statement = database.prepare(sql);
      return {
        ...statement,
        run(...params) {
          const instead = insteadOf(sql);
          return (instead === sql ? statement : database.prepare(instead)).run(...params);
        },
      };
    },
  };
}

function rewriting(
  from: string | RegExp,
  to: string,
): (database: SqliteDatabase) => SqliteDatabase {
  return (database) => ({
    ...database,
    prepare: (sql) => database.prepare(sql.includes('UPDATE') ? sql.replace(from, to) : sql),
  });
}

const SHORT_MS = 20;

async function openWithShortLeases(...[location, options]: Parameters<Engine['open']>) {
  const { leaseDurationMs, pollIntervalMs, cleanupIntervalMs, retention } = options;
  const { ledger, inbox: unused } = await sqlite.open(location, options);
  await unused.close();
  const store = sqliteStore({ database: openDatabase(location) });
  const inbox = pollingInbox(
    { ...store, claim: (endpoint, limit) => store.claim(endpoint, limit, SHORT_MS) },
    { leaseDurationMs, pollIntervalMs, cleanupIntervalMs, retention },
  );
  return { inbox, ledger };
}
