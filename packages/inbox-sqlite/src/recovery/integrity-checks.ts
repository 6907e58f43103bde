import { statSync } from 'node:fs';

import type { SqliteDatabase } from '../driver/driver.ts';
import { FILE_TRUNCATED } from '../errors.ts';

/**
 * Rejects a file of 0 bytes that was not created a moment ago. SQLite would take it for a new
 * database, remove its -wal file and silently start an empty inbox. A missing file is accepted.
 *
 * @param wasTruncated whether the file became shorter while in use
 * @throws an error with the code `FILE_TRUNCATED`
 */
export function rejectEmptiedFile(path: string, wasTruncated: boolean): void {
  // The -wal file is read first. Another process may be creating the database, and then its -wal
  // file gets content only after the database file.
  const hasWal = (sizeOf(`${path}-wal`) ?? 0) > 0;
  if (sizeOf(path) === 0 && (wasTruncated || hasWal)) throw truncatedError('the file is empty');
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/**
 * Rejects a file that became shorter while in use, unless it is intact: a VACUUM makes it shorter
 * as well. Reads the whole file.
 *
 * @throws an error with the code `FILE_TRUNCATED`
 */
export function rejectDamagedFile(database: SqliteDatabase): void {
  const [row] = database.prepare('PRAGMA quick_check(1)').all();
  const result = (row as { quick_check: unknown }).quick_check;
  if (result !== 'ok') throw truncatedError(String(result));
}

function truncatedError(message: string): Error {
  return Object.assign(new Error(message), { code: FILE_TRUNCATED });
}
