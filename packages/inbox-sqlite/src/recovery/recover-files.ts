import { closeSync, fsyncSync, linkSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';

import { checkpoint } from './checkpoint.ts';
import type { OpenDatabase, SqliteDatabase } from '../driver/driver.ts';
import type { FileGuard } from './file-guard.ts';

/** A connection, or what is known of one that was given up. */
export interface Lost {
  readonly guard: FileGuard;
  readonly database?: SqliteDatabase;
}

/**
 * Makes good what has become of the files of a database, so that its path can be opened again with
 * everything that was ever acknowledged.
 *
 * @throws when that is not possible now; the connection is still needed then
 */
export function rescue(lost: Lost, path: string, open: OpenDatabase): void {
  // Other processes may have noticed as well. The lock goes with its holder, whatever becomes of it.
  const lock = open(`${path}-rescue`);
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    makeGood(lost, path);
  } finally {
    lock.close();
    rmSync(`${path}-rescue`, { force: true });
  }
}

function makeGood({ guard, database }: Lost, path: string): void {
  const loss = guard.loss();
  // What the -wal file of the former database holds must not be applied to this one.
  if (loss === 'replaced') removeSidecars(path, guard.isOurs);
  if (database === undefined) return;
  // Who has a deleted file open still has all of it.
  if (loss === 'deleted') putBack(database, path);
  // With everything in the one file, nothing goes with the other.
  if (loss === 'sidecar') checkpoint(database);
  if (loss === 'cut') {
    try {
      checkpoint(database);
    } catch {
      // Whether enough is left will be looked at before it is used again.
    }
  }
}

function putBack(database: SqliteDatabase, path: string): void {
  const copy = `${path}-rescued`;
  rmSync(copy, { force: true });
  database.exec(`VACUUM INTO '${copy.replaceAll("'", "''")}'`);
  sync(copy);
  removeSidecars(path, () => true); // what they hold is in the copy
  linkSync(copy, path); // fails where there is a file by now: nobody's file is overwritten
  rmSync(copy);
  if (process.platform !== 'win32') sync(dirname(path));
}

function removeSidecars(path: string, isToGo: (name: string) => boolean): void {
  for (const name of [`${path}-wal`, `${path}-shm`]) {
    if (isToGo(name)) rmSync(name, { force: true });
  }
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
