import { statSync } from 'node:fs';

import type { SqliteDatabase } from '../driver/driver.ts';
import { FILE_CUT } from '../errors.ts';

/**
 * SQLite takes a file without a byte for a new one, removes its -wal file, and begins an empty inbox
 * without a word. One that somebody has removed may be begun anew.
 *
 * @param isCut whether it became shorter while in use
 * @throws an error with the code `FILE_CUT`
 */
export function refuseEmptied(path: string, isCut: boolean): void {
  // In this order: somebody else may be making a new one, and the -wal file gets its first byte last.
  const hasWal = (sizeOf(`${path}-wal`) ?? 0) > 0;
  if (sizeOf(path) === 0 && (isCut || hasWal)) throw cut('nothing is left of it');
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/**
 * For a file that became shorter while in use. It may be whole all the same, where somebody has made
 * it smaller in an orderly way. Takes as long as it takes to read all of it.
 */
export function refuseDamaged(database: SqliteDatabase): void {
  const [row] = database.prepare('PRAGMA quick_check(1)').all();
  const found = (row as { quick_check: unknown }).quick_check;
  if (found !== 'ok') throw cut(String(found));
}

function cut(what: string): Error {
  return Object.assign(new Error(what), { code: FILE_CUT });
}
