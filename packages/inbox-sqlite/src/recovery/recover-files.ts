import { closeSync, fsyncSync, linkSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';

import type { OpenDatabase, SqliteDatabase } from '../driver/driver.ts';
import { checkpoint } from './checkpoint.ts';
import type { FileGuard } from './file-guard.ts';

/** A connection whose files changed. `database` is missing if that connection is closed. */
export interface AffectedConnection {
  readonly guard: FileGuard;
  readonly database?: SqliteDatabase;
}

/**
 * Recovers the files of a database after they were deleted, replaced or truncated. Afterwards the
 * path can be opened again. A deleted file is restored with every acknowledged entry.
 *
 * @throws when recovery is not possible now; the caller must keep the connection open and retry
 */
export function recoverFiles(
  affected: AffectedConnection,
  path: string,
  openDatabase: OpenDatabase,
): void {
  // Other processes may recover the same files. SQLite's lock ends with the process that holds it.
  const lockPath = `${path}-recovery-lock`;
  const lock = openDatabase(lockPath);
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    recover(affected, path);
  } finally {
    lock.close();
    rmSync(lockPath, { force: true });
  }
}

function recover({ guard, database }: AffectedConnection, path: string): void {
  const change = guard.detectChange();
  // SQLite must not apply the -wal file of the previous database to the new one.
  if (change === 'replaced') removeSidecars(path, guard.isSameFile);
  if (database === undefined) return;
  // The open connection can still read all of a deleted file.
  if (change === 'deleted') restoreFile(database, path);
  // After the checkpoint the database file holds everything that the -wal file held.
  if (change === 'sidecar') checkpoint(database);
  if (change === 'truncated') {
    try {
      checkpoint(database);
    } catch {
      // An integrity check decides whether the file is intact before it is used again.
    }
  }
}

function restoreFile(database: SqliteDatabase, path: string): void {
  const copy = `${path}-recovery-copy`;
  rmSync(copy, { force: true });
  database.exec(`VACUUM INTO '${copy.replaceAll("'", "''")}'`);
  syncPath(copy);
  removeSidecars(path, () => true); // the copy holds their content
  linkSync(copy, path); // fails if a file exists there by now, so that no file is overwritten
  rmSync(copy);
  if (process.platform !== 'win32') syncPath(dirname(path));
}

function removeSidecars(path: string, shouldRemove: (name: string) => boolean): void {
  for (const name of [`${path}-wal`, `${path}-shm`]) {
    if (shouldRemove(name)) rmSync(name, { force: true });
  }
}

function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
