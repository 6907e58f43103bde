import { closeSync, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs';

import { rollBack, type SqliteDatabase } from '../driver/driver.ts';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Writes the -wal file once more, as it is, and brings it to disk. For whoever opens a database:
 * a process before, or another one, may have had a sync that failed, after which one that succeeds
 * says nothing about what came before it. Such a hole would take everything with it that is written
 * behind it. (A checkpoint would do, but for a power cut between its last sync and the end of the
 * -wal file: then pages of that are written over newer ones.)
 *
 * @throws what the driver throws, when somebody holds the lock or the disk fails
 */
export function rewriteWal(database: SqliteDatabase, path: string): void {
  database.exec('BEGIN IMMEDIATE'); // nobody else writes to it meanwhile
  try {
    const file = openSync(`${path}-wal`, 'r+'); // SQLite has no locks on this one to be lost by closing
    try {
      rewrite(file);
      fdatasyncSync(file);
    } finally {
      closeSync(file);
    }
  } finally {
    rollBack(database);
  }
}

function rewrite(file: number): void {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  for (let position = 0; ;) {
    const bytes = readSync(file, chunk, 0, chunk.length, position);
    if (bytes === 0) return;
    writeSync(file, chunk, 0, bytes, position);
    position += bytes;
  }
}
