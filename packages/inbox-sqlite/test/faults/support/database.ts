import { createRequire } from 'node:module';

import type { SqliteDatabase } from '@novita-webhooks/inbox-sqlite';

const Database = createRequire(import.meta.url)('libsql') as new (path: string) => SqliteDatabase;

/** Opens a connection in the test's process, beside that of the receiver process. */
export function openDatabase(path: string): SqliteDatabase {
  const database = new Database(path);
  database.exec('PRAGMA busy_timeout = 10000'); // the receiver's writes are waited for
  return database;
}

/** Takes the write lock. Returns the function that releases it. */
export function holdLock(path: string, mode: 'IMMEDIATE' | 'EXCLUSIVE' = 'IMMEDIATE'): () => void {
  const database = openDatabase(path);
  database.exec(`BEGIN ${mode}`);
  return () => {
    database.exec('ROLLBACK');
    database.close();
  };
}
