import { closeSync, fdatasync, openSync } from 'node:fs';
import { promisify } from 'node:util';

import type { Claim, Entry, NewEntry, Outcome, Store } from '@novita-webhooks/core';
import Database from 'libsql';

/** What the victim and the inspector use of a store. */
export type Subject = Pick<Store, 'add' | 'claim' | 'settle' | 'deleteExpired' | 'list' | 'close'>;

/**
 * How the raw store makes a commit durable. Controls: of these the proof knows the right answer.
 *
 * - `full`: SQLite syncs in every commit.
 * - `group`: commits do not sync; an asynchronous fdatasync of the WAL that began afterwards does.
 * - `late-join`: as `group`, but joins a sync that is under way: the classic mistake.
 * - `normal`, `off`: SQLite's settings of these names, and nothing else.
 */
export const rawModes = ['full', 'group', 'late-join', 'normal', 'off'] as const;
export type RawMode = (typeof rawModes)[number];

const SYNCHRONOUS: Record<RawMode, string> = {
  full: 'FULL',
  group: 'NORMAL',
  'late-join': 'NORMAL',
  normal: 'NORMAL',
  off: 'OFF',
};

const TABLE = `
  CREATE TABLE IF NOT EXISTS entries (
    id TEXT PRIMARY KEY, body TEXT, state TEXT DEFAULT 'pending', attempts INTEGER DEFAULT 0
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS by_state ON entries (state, id);`;

interface Row {
  readonly id: string;
  readonly body: string;
  readonly state: Entry['state'];
  readonly attempts: number;
}

/** The least that can be called a store: SQL and a sync, commits one by one. */
export function rawStore(path: string, mode: RawMode): Subject {
  const database = new Database(path);
  database.exec(`PRAGMA synchronous = ${SYNCHRONOUS[mode]}`);
  database.prepare('PRAGMA journal_mode = WAL').all();
  database.exec(TABLE);
  const syncer = mode === 'group' || mode === 'late-join' ? syncWal(path, mode) : undefined;

  const run = async (sql: string, ...params: unknown[]): Promise<number> => {
    const { changes } = database.prepare(sql).run(...params);
    await syncer?.sync();
    return changes;
  };
  return {
    async add({ taskId, body }: NewEntry) {
      const sql = 'INSERT INTO entries (id, body) VALUES (?, ?) ON CONFLICT DO NOTHING';
      return (await run(sql, taskId, body)) > 0 ? 'added' : 'duplicate';
    },
    async claim(_endpoint: string, limit: number) {
      const rows = database
        .prepare(
          `UPDATE entries SET state = 'running', attempts = attempts + 1 WHERE id IN
            (SELECT id FROM entries WHERE state = 'pending' LIMIT ?) RETURNING *`,
        )
        .all(limit) as Row[];
      await syncer?.sync();
      return rows.map((row) => ({ ...toEntry(row), fencingToken: String(row.attempts) }));
    },
    async settle(
      { taskId, fencingToken }: Pick<Claim, 'taskId' | 'fencingToken'>,
      { type }: Outcome,
    ) {
      const state = type === 'done' || type === 'dead' ? type : 'pending';
      const sql = `UPDATE entries SET state = ? WHERE id = ? AND attempts = ? AND state = 'running'`;
      return (await run(sql, state, taskId, Number(fencingToken))) > 0;
    },
    deleteExpired: () =>
      run(`DELETE FROM entries WHERE id IN
        (SELECT id FROM entries WHERE state = 'done' LIMIT 100)`),
    async list() {
      const rows = database.prepare('SELECT * FROM entries').all() as Row[];
      return { entries: rows.map(toEntry), cursor: null };
    },
    async close() {
      syncer?.close();
      database.close();
    },
  };
}

function toEntry({ id, body, state, attempts }: Row): Entry {
  return {
    endpoint: 'novita',
    taskId: id,
    status: '',
    body,
    schemaError: null,
    metadata: {},
    testMode: false,
    receivedAt: 0,
    state,
    attempts,
    succeededHandlers: [],
    reason: null,
    dueAt: null,
    finishedAt: null,
  };
}

function syncWal(path: string, mode: 'group' | 'late-join') {
  const wal = openSync(`${path}-wal`, 'r+');
  let present: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const begin = (): Promise<void> => {
    next = undefined;
    return (present = promisify(fdatasync)(wal).finally(() => (present = undefined)));
  };
  return {
    sync(): Promise<void> {
      if (present === undefined) return begin();
      if (mode === 'late-join') return present;
      return (next ??= present.then(begin));
    },
    close: () => closeSync(wal),
  };
}
