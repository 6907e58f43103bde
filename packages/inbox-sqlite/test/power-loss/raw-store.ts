import { closeSync, fdatasync, openSync } from 'node:fs';
import { promisify } from 'node:util';

import type { Claim, Entry, NewEntry, Outcome, Store } from '@novita-webhooks/core';
import Database from 'libsql';

/** The operations of a store that the power-loss simulation uses. */
export type StoreUnderTest = Pick<
  Store,
  'add' | 'claim' | 'settle' | 'deleteExpired' | 'list' | 'close'
>;

/**
 * How the raw store makes a commit durable. These are controls, for which the result is known.
 *
 * - `full`: SQLite syncs in every commit.
 * - `group`: an asynchronous fdatasync of the WAL starts after the commit.
 * - `late-join`: like `group`, but joins a sync that is already in progress, which is a mistake.
 * - `normal`, `off`: only SQLite's settings with these names.
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

/** A minimal store: SQL and a sync, one commit per operation. */
export function rawStore(path: string, mode: RawMode): StoreUnderTest {
  const database = new Database(path);
  database.exec(`PRAGMA synchronous = ${SYNCHRONOUS[mode]}`);
  database.prepare('PRAGMA journal_mode = WAL').all();
  database.exec(TABLE);
  const syncer = mode === 'group' || mode === 'late-join' ? createSyncer(path, mode) : undefined;

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
      const entries = rows.map(toEntry);
      return { entries, cursor: null, scanned: rows.length, readAt: Date.now() };
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
    ...{ taskType: '', source: 'delivery', traceparent: null, tokenId: null },
    ...{ replays: 0, partialReplay: null, attemptLog: [], originalBody: null },
    state,
    attempts,
    succeededHandlers: [],
    reason: null,
    dueAt: null,
    finishedAt: null,
  };
}

function createSyncer(path: string, mode: 'group' | 'late-join') {
  const wal = openSync(`${path}-wal`, 'r+');
  let current: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const begin = (): Promise<void> => {
    next = undefined;
    return (current = promisify(fdatasync)(wal).finally(() => (current = undefined)));
  };
  return {
    sync(): Promise<void> {
      if (current === undefined) return begin();
      if (mode === 'late-join') return current;
      return (next ??= current.then(begin));
    },
    close: () => closeSync(wal),
  };
}
