import { closeSync, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs';

import { rollBack, type SqliteDatabase } from '../driver/driver.ts';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Writes the -wal file again with the same content and syncs it. The inbox does this each time it
 * opens a database, because an earlier sync may have failed, in this process or another. After a
 * failed sync, a successful one does not cover the earlier writes. Such a gap makes SQLite ignore
 * everything that follows it in the -wal file.
 *
 * A checkpoint cannot replace this: after a power cut between its last sync and the reset of the
 * -wal file, SQLite would write old pages over newer ones. See docs/decisions/0011.
 *
 * @throws the driver's or the file system's error, also when another process holds the write lock
 */
export function rewriteWal(database: SqliteDatabase, path: string): void {
  database.exec('BEGIN IMMEDIATE'); // no other process writes to the file meanwhile
  try {
    // Closing this descriptor releases no lock: SQLite locks other files of the database.
    const file = openSync(`${path}-wal`, 'r+');
    try {
      rewriteInPlace(file);
      fdatasyncSync(file);
    } finally {
      closeSync(file);
    }
  } finally {
    rollBack(database);
  }
}

function rewriteInPlace(file: number): void {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  for (let position = 0; ;) {
    const bytes = readSync(file, chunk, 0, chunk.length, position);
    if (bytes === 0) return;
    writeSync(file, chunk, 0, bytes, position);
    position += bytes;
  }
}
