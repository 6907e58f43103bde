import type { NewEntry, Outcome, Store } from '@novita-webhooks/core';
import { createTestEntry, type ManualClock } from '@novita-webhooks/testing';
import type { SqliteDatabase } from '@novita-webhooks/inbox-sqlite';
import { copyFileSync, existsSync } from 'node:fs';

export const ENDPOINTS = ['novita', 'other', 'third', 'rare'] as const;
export const ENTRIES = 10_500;
const LEASE_MS = 24 * 60 * 60 * 1000;

export const entryOf = (endpoint: string, taskId: string): NewEntry =>
  createTestEntry({ endpoint, taskId });

const OUTCOMES: readonly Outcome[] = [
  { type: 'done' },
  { type: 'done' },
  { type: 'dead', reason: 'it cannot work', succeededHandlers: ['one'] },
  { type: 'retry', delayMs: 60_000, reason: 'it failed', succeededHandlers: [] },
];

/** Adds entries of all endpoints in all states. One of 40 belongs to the rare endpoint. */
export async function fill(store: Store, clock: ManualClock): Promise<void> {
  for (let first = 0; first < ENTRIES; first += 500) {
    const keys = Array.from({ length: 500 }, (_, index) => first + index);
    await Promise.all(
      keys.map(async (key) =>
        store.add(entryOf(ENDPOINTS[key % 40 === 0 ? 3 : key % 3] ?? '', `${key}`)),
      ),
    );
    clock.skip(1000);
    for (const endpoint of ENDPOINTS) await work(store, endpoint, 140);
  }
}

/** Claims entries and settles four of five. */
export async function work(store: Store, endpoint: string, limit: number): Promise<void> {
  const claims = await store.claim(endpoint, limit, LEASE_MS);
  await Promise.all(
    claims.map(async (claim, index) => {
      const outcome = OUTCOMES[index % 5]; // the fifth has none, so its entry stays running
      if (outcome !== undefined) await store.settle(claim, outcome);
    }),
  );
}

/** Copies the files as a crash leaves them, without closing the database. */
export function copyAfterCrash(path: string, to: string): void {
  // SQLite creates the -shm file again; processes that have the database open share it.
  for (const suffix of ['', '-wal']) {
    if (existsSync(path + suffix)) copyFileSync(path + suffix, to + suffix);
  }
}

/** Counts the entries by state without the store's counters. */
export function countBySql(database: SqliteDatabase): Readonly<Record<string, number>> {
  const sql = 'SELECT state, count(*) AS entries FROM novita_entries GROUP BY state';
  const rows = database.prepare(sql).all() as { state: string; entries: number }[];
  const none = { expected: 0, pending: 0, running: 0, done: 0, dead: 0 }; // no entry here is expected
  return { ...none, ...Object.fromEntries(rows.map(({ state, entries }) => [state, entries])) };
}

/** Returns rows in which the counters, events or indexes contradict the entries. */
export function findInconsistencies(database: SqliteDatabase): unknown[] {
  return [
    `SELECT * FROM novita_done_count
     WHERE entries <> (SELECT count(*) FROM novita_entries WHERE state = 'done')`,
    `SELECT novita_entries.id, novita_events.id FROM novita_entries FULL JOIN novita_events USING (id)
     WHERE novita_entries.id IS NULL OR novita_events.id IS NULL`,
    `SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'`,
  ].flatMap((sql) => database.prepare(sql).all());
}

/** Records the text of every prepared statement. */
export function recordStatements(database: SqliteDatabase): {
  readonly recorded: SqliteDatabase;
  readonly statements: ReadonlySet<string>;
} {
  const statements = new Set<string>();
  const recorded: SqliteDatabase = {
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      statements.add(sql);
      return database.prepare(sql);
    },
    close: () => database.close(),
  };
  return { recorded, statements };
}

/** Returns SQLite's query plan, one line per step. */
export function explain(database: SqliteDatabase, sql: string): readonly string[] {
  const names = [...new Set([...sql.matchAll(/:(\w+)/g)].map(([, name]) => name ?? ''))];
  const params = Object.fromEntries(
    names.map((name) => [name, name === 'ids' || name === 'succeededHandlers' ? '[]' : 1]),
  );
  const statement = database.prepare(`EXPLAIN QUERY PLAN ${sql}`);
  const rows = (names.length > 0 ? statement.all(params) : statement.all()) as { detail: string }[];
  return rows.map(({ detail }) => detail);
}
