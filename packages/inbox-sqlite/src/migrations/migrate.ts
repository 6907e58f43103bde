import { WebhookError } from '@novita-webhooks/core';

import { rollBack, type SqliteDatabase } from '../driver/driver.ts';
import { entriesAndEvents } from './001-entries-and-events.ts';

/**
 * All migrations in order. A file's version is the number of those applied to it. Never change a
 * released migration.
 */
const MIGRATIONS = [entriesAndEvents] as const;

const SELECT_VERSION = 'SELECT max(version) AS version FROM novita_migrations';

/**
 * Applies the missing migrations. Several processes may call this at the same time: the first takes
 * the write lock and migrates, and the others then find nothing to apply.
 *
 * @throws WebhookError `invalid_option` when a newer release has migrated the file
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

/**
 * Checks the version of a file that is in use.
 *
 * @throws WebhookError `invalid_option` when a newer release has migrated the file
 */
export function rejectNewerVersion(all: (sql: string) => unknown[]): void {
  toSupportedVersion(all(SELECT_VERSION)[0]);
}

function readVersion(database: SqliteDatabase): number {
  const table = "SELECT 1 FROM sqlite_schema WHERE name = 'novita_migrations'";
  if (database.prepare(table).all().length === 0) return 0;
  const [row] = database.prepare(SELECT_VERSION).all();
  return toSupportedVersion(row);
}

function toSupportedVersion(row: unknown): number {
  const version = Number((row as { version: unknown }).version ?? 0);
  if (version <= MIGRATIONS.length) return version;
  throw new WebhookError(
    'invalid_option',
    `inbox-sqlite: the file has schema version ${version}, but this release supports up to ` +
      `version ${MIGRATIONS.length}. Update @novita-webhooks/inbox-sqlite.`,
  );
}
