import type { SqliteDatabase } from '@novita-webhooks/inbox-sqlite';
import { createRequire } from 'node:module';

type DatabaseClass = new (path: string) => SqliteDatabase;

const Database = createRequire(import.meta.url)('libsql') as DatabaseClass;

/** Opens a file with the settings of the package, but with `synchronous = FULL`: commits sync. */
export function openFullSync(path: string): SqliteDatabase {
  const database = new Database(path);
  database.exec(`
    PRAGMA busy_timeout = 0;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA cache_size = -32768;
    PRAGMA journal_size_limit = 67108864;
  `);
  return database;
}
