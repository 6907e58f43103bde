import type { NewEntry } from '@novita-webhooks/core';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import Database from 'libsql';
import { mkdtempSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { cache } from '../bundle.ts';
import { deleteOnExit } from '../clean-up.ts';
import { unknownCpu, type Engine, type Plain } from './engine.ts';

const CREATE = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS plain_entries (
  id INTEGER PRIMARY KEY,
  endpoint TEXT NOT NULL, task_id TEXT NOT NULL,
  status TEXT NOT NULL, body TEXT NOT NULL, schema_error TEXT, metadata TEXT NOT NULL,
  test_mode INTEGER NOT NULL, received_at INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending', attempts INTEGER NOT NULL DEFAULT 0,
  succeeded_handlers TEXT NOT NULL DEFAULT '[]', reason TEXT, due_at INTEGER, fencing_token TEXT, finished_at INTEGER,
  UNIQUE (endpoint, task_id)
) STRICT;
CREATE INDEX IF NOT EXISTS plain_due ON plain_entries (endpoint, due_at) WHERE due_at IS NOT NULL;`;

const INSERT = `
INSERT INTO plain_entries
  (endpoint, task_id, status, body, schema_error, metadata, test_mode, received_at, due_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;

export const sqlite: Engine = {
  shared: true,
  plain: 'INSERT … ON CONFLICT DO NOTHING, one synced transaction each',
  describe: async () => 'libsql, WAL, synced before the reply',
  async createPlace() {
    const folder = mkdtempSync(join(cache, 'engine-'));
    const remove = deleteOnExit(folder);
    const location = join(folder, 'inbox.db');
    return {
      location,
      size: async () => ({ kept: sizeOf(location), logged: NaN }),
      cpuMs: unknownCpu,
      remove: async () => remove(),
    };
  },
  async open(location) {
    const plain = openPlain(`${location}.plain`);
    const inbox = sqliteInbox({ path: location, driver: 'libsql' });
    return { inbox, plain, close: async () => undefined };
  },
};

/** Uses another file, so that it does not share a lock with the inbox. */
function openPlain(path: string): Plain {
  const database = new Database(path);
  database.exec(CREATE);
  const insert = database.prepare(INSERT);
  return {
    add: async (entry) => insert.run(...toRow(entry)),
    async count() {
      const row = database.prepare('SELECT count(*) AS n FROM plain_entries').get();
      return (row as { n: number }).n;
    },
  };
}

function toRow(entry: NewEntry): unknown[] {
  const { endpoint, taskId, status, body, schemaError, metadata, testMode, receivedAt } = entry;
  const json = JSON.stringify(metadata);
  return [
    endpoint,
    taskId,
    status,
    body,
    schemaError,
    json,
    Number(testMode),
    receivedAt,
    receivedAt,
  ];
}

/** Includes the write-ahead log. */
function sizeOf(path: string): number {
  return ['', '-wal'].reduce((bytes, suffix) => {
    return bytes + (statSync(`${path}${suffix}`, { throwIfNoEntry: false })?.size ?? 0);
  }, 0);
}
