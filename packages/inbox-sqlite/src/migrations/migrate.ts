import { WebhookError } from '@novita-webhooks/core';

import { rollBack, type SqliteDatabase, type SqliteStatement } from '../driver/driver.ts';
import { entriesAndEvents } from './001-entries-and-events.ts';

/** In order; a file's version is how many of them it has seen. Never change one that was released. */
const MIGRATIONS = [entriesAndEvents] as const;

const SELECT_VERSION = 'SELECT max(version) AS version FROM novita_migrations';

/**
 * Brings a file up to date. Processes that start at the same time may all call this: the first one
 * migrates, the others wait for the lock and find nothing left to do.
 *
 * @throws WebhookError `invalid_option` when a newer version has written the file
 */
export function migrate(database: SqliteDatabase): void {
  if (readVersion(database) === MIGRATIONS.length) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    database.exec('CREATE TABLE IF NOT EXISTS novita_migrations (version INTEGER PRIMARY KEY)');
    const version = readVersion(database);
    for (const [index, sql] of MIGRATIONS.entries()) {
      if (index < version) continue;
      database.exec(sql);
      database.exec(`INSERT INTO novita_migrations VALUES (${index + 1})`);
    }
    database.exec('COMMIT');
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

/** @throws WebhookError `invalid_option`, like {@link migrate}; for a file that is in use */
export function refuseNewer(statement: (sql: string) => SqliteStatement): void {
  known(statement(SELECT_VERSION).get());
}

function known(row: unknown): number {
  const version = Number((row as { version: unknown }).version ?? 0);
  if (version > MIGRATIONS.length) throw writtenByNewer(version);
  return version;
}

function readVersion(database: SqliteDatabase): number {
  const table = "SELECT 1 FROM sqlite_schema WHERE name = 'novita_migrations'";
  if (database.prepare(table).all().length === 0) return 0;
  const [row] = database.prepare(SELECT_VERSION).all();
  return known(row);
}

function writtenByNewer(version: number): WebhookError {
  return new WebhookError(
    'invalid_option',
    `sqliteInbox: the file has version ${version}, and this release of ` +
      `@novita-webhooks/inbox-sqlite knows up to ${MIGRATIONS.length}. Update the package`,
  );
}
