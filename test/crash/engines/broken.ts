import { pollingInbox } from '@novita-webhooks/core';
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
  'sqlite-short-leases': { ...sqlite, open: openWithShortLeases },
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

async function openWithShortLeases(...[location, options]: Parameters<Engine['open']>) {
  const { leaseDurationMs, pollIntervalMs, cleanupIntervalMs, retention } = options;
  const { ledger, inbox: unused } = await sqlite.open(location, options);
  await unused.close();
  const store = sqliteStore({ database: openDatabase(location) });
  const inbox = pollingInbox(
    { ...store, claim: (endpoint, limit) => store.claim(endpoint, limit, SHORT_LEASE_MS) },
    { leaseDurationMs, pollIntervalMs, cleanupIntervalMs, retention },
  );
  return { inbox, ledger };
}
