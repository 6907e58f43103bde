import type { SqliteDatabase } from '../driver/driver.ts';

/**
 * Writes what the -wal file holds into the database, and both to disk.
 *
 * @throws what the driver throws; also when another process is in the way
 */
export function checkpoint(database: SqliteDatabase): void {
  const [row] = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all();
  if ((row as { busy: unknown }).busy === 0) return;
  throw Object.assign(new Error('a checkpoint has to wait'), { code: 'SQLITE_BUSY' });
}
