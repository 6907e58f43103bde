import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { systemClock } from '@novita-webhooks/core';
import { sqliteInbox, sqliteStore, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';

import type { Engine, Ledger, OpenOptions } from '../engine.ts';
import { KILL_POINT_NAMES } from '../kill-points.ts';
import { DRIVER, openDatabase } from './open-database.ts';
import { watchDatabase } from './watched-database.ts';

/** Wraps the connection of an inbox. */
export type Wrap = (database: SqliteDatabase) => SqliteDatabase;

export const sqlite: Engine = createSqlite();

/** @param wrap breaks a guarantee, to show that the checks detect it */
export function createSqlite(wrap?: Wrap): Engine {
  return {
    killPoints: KILL_POINT_NAMES,
    shared: true,
    clockJumps: false,
    async createPlace(folder, name) {
      const location = join(folder, `${name}.db`);
      const files = ['', '-wal', '-shm'].map((suffix) => location + suffix);
      return {
        location,
        async remove() {
          await Promise.all(files.map((file) => rm(file, { force: true })));
        },
      };
    },
    async open(location, options) {
      const { watched, reach, leaseDurationMs, pollIntervalMs, cleanupIntervalMs, retention } =
        options;
      const database = watched || wrap ? await openWatched(location, options, wrap) : undefined;
      const polling = { leaseDurationMs, pollIntervalMs, cleanupIntervalMs, retention };
      const inbox = database
        ? sqliteInbox({ database, ...polling })
        : sqliteInbox({ path: location, driver: DRIVER, ...polling });
      await inbox.stats(); // waits for the migration
      return {
        inbox,
        ledger: await openLedger(location, reach),
        addOld: async (count) => database && addExpired(database, count),
      };
    },
  };
}

async function openWatched(
  location: string,
  { reach }: OpenOptions,
  wrap?: Wrap,
): Promise<SqliteDatabase> {
  const database = openDatabase(location);
  // The inbox uses these settings for connections that it opens itself.
  await retryWhileLocked(() =>
    database.exec('PRAGMA busy_timeout = 0; PRAGMA synchronous = NORMAL'),
  );
  const watched = watchDatabase(database, reach);
  return wrap ? wrap(watched) : watched;
}

/** Creates a table in the file of the inbox, which handlers write to in context.transaction. */
async function openLedger(location: string, reach: OpenOptions['reach']): Promise<Ledger> {
  const database = openDatabase(location);
  const create = 'CREATE TABLE IF NOT EXISTS crash_ledger (task_id TEXT, process TEXT)';
  await retryWhileLocked(() => database.exec(create));
  database.close();
  return {
    write: (context, process) =>
      context.transaction((tx) => {
        const { prepare } = tx as SqliteDatabase;
        prepare.call(tx, 'INSERT INTO crash_ledger VALUES (?, ?)').run(context.taskId, process);
        reach('transaction');
      }),
    async count() {
      const reader = openDatabase(location, { readonly: true });
      const sql = 'SELECT task_id, count(*) AS entries FROM crash_ledger GROUP BY task_id';
      const rows = reader.prepare(sql).all() as { task_id: string; entries: number }[];
      reader.close();
      return Object.fromEntries(rows.map(({ task_id, entries }) => [task_id, entries]));
    },
  };
}

async function retryWhileLocked(work: () => unknown): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      work();
      return;
    } catch (error) {
      if (tries === 500) throw error;
      await pause(10);
    }
  }
}

const AGE_MS = 10 * 24 * 60 * 60 * 1000;
const OLD = 'old';

/**
 * Adds done entries with a store whose clock stands still, ten days ago. If it jumped between `add` and
 * `claim`, the entries would not be due.
 */
async function addExpired(database: SqliteDatabase, count: number): Promise<void> {
  const now = Date.now() - AGE_MS;
  const clock = { ...systemClock, now: () => now };
  const store = sqliteStore({ database, clock });
  const common = { endpoint: OLD, status: '', body: '{}', schemaError: null, metadata: {} };
  const ids = Array.from({ length: count }, () => `${OLD}-${crypto.randomUUID()}`);
  await Promise.all(
    ids.map(async (taskId) =>
      store.add({
        ...{ ...common, taskId, testMode: false, receivedAt: now },
        ...{ taskType: '', source: 'delivery', traceparent: null, tokenId: null },
      }),
    ),
  );
  const claims = await store.claim(OLD, count, AGE_MS);
  await Promise.all(claims.map(async (claim) => store.settle(claim, { type: 'done' })));
}
