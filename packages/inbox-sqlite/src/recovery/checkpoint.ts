import type { SqliteDatabase } from '../driver/driver.ts';

/**
 * Moves the content of the -wal file into the database file and syncs both.
 *
 * @throws the driver's error; an error with the code `SQLITE_BUSY` when another process blocks it
 */
export function checkpoint(database: SqliteDatabase): void {
  const [row] = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all();
  if ((row as { busy: unknown }).busy === 0) return;
  throw Object.assign(new Error('another process blocks the checkpoint'), { code: 'SQLITE_BUSY' });
}
