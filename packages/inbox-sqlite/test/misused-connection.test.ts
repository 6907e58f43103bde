import { pollingInbox } from '@novita-webhooks/core';
import { createTestEntry } from '@novita-webhooks/testing';
import {
  sqliteStore,
  type SqliteDatabase,
  type SqliteStatement,
} from '@novita-webhooks/inbox-sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';

import { presentDrivers, type DriverUnderTest } from './support/drivers.ts';
import { temporaryFile } from './support/temporary-files.ts';

const LEASE_MS = 30_000;

/** A store with a claimed entry. */
async function openClaimed(driver: DriverUnderTest, database?: SqliteDatabase) {
  const own = { path: temporaryFile(), driver: driver.name };
  const store = driver.use(() => sqliteStore(database === undefined ? own : { database }));
  onTestFinished(() => store.close());
  await store.add(createTestEntry());
  const [claim] = await store.claim('novita', 1, LEASE_MS);
  if (claim === undefined) throw new Error('nothing to claim');
  const run = async <T>(work: (tx: SqliteDatabase) => T) => store.transaction?.(claim, 'one', work);
  async function works(): Promise<void> {
    expect(await store.add(createTestEntry())).toBe('added');
    if (claim) expect(await store.settle(claim, { type: 'done' })).toBe(true);
    expect((await store.stats()).done).toBe(1);
  }
  return { run, works };
}

const readSynchronous = (database: SqliteDatabase) =>
  Object.values(database.prepare('PRAGMA synchronous').all()[0] as object)[0] as number;

/** Dropping the table drops its trigger as well. */
const SHADOW_WITH_TRIGGER = `
CREATE TEMP TABLE novita_events AS SELECT * FROM main.novita_events;
CREATE TEMP TRIGGER skip BEFORE INSERT ON temp.novita_events BEGIN SELECT RAISE(IGNORE); END`;

describe.each(presentDrivers)('inbox-sqlite on $name', (driver) => {
  test.each([
    ['begins a transaction', (db: SqliteDatabase) => db.exec('BEGIN')],
    ['closes it', (db: SqliteDatabase) => db.close()],
    ['prepares a statement', (db: SqliteDatabase) => db.prepare('SELECT 1')],
  ])('refuses a handler that %s on its connection afterwards', async (_, misuse) => {
    const { run, works } = await openClaimed(driver);
    const kept: SqliteDatabase[] = [];
    await run((tx) => void kept.push(tx));
    expect(() => kept.map(misuse)).toThrow('context.transaction has ended');
    await works();
  });

  test('refuses a handler that closes its connection', async () => {
    const { run, works } = await openClaimed(driver);
    await expect(run((tx) => void tx.close())).rejects.toThrow('Remove close()');
    await works();
  });

  test.each([
    'CREATE TEMP TRIGGER skip BEFORE INSERT ON novita_entries BEGIN SELECT RAISE(IGNORE); END',
    'CREATE TEMP TRIGGER skip BEFORE INSERT ON novita_events BEGIN SELECT RAISE(IGNORE); END',
    'CREATE TEMP TRIGGER "a ""b" AFTER INSERT ON novita_events BEGIN DELETE FROM novita_entries; END',
    'CREATE TEMP TRIGGER skip BEFORE UPDATE ON novita_entries BEGIN SELECT RAISE(IGNORE); END',
    'CREATE TEMP TABLE novita_entries AS SELECT * FROM main.novita_entries',
    'CREATE TEMP VIEW NOVITA_EVENTS AS SELECT * FROM main.novita_events',
    `COMMIT; ${SHADOW_WITH_TRIGGER}; BEGIN`,
    'PRAGMA query_only = 1',
    'PRAGMA ignore_check_constraints = 1',
    'PRAGMA max_page_count = 1',
    'COMMIT; PRAGMA query_only = 1; BEGIN',
  ])('stores every event after a handler has run %s', async (sql) => {
    const { run, works } = await openClaimed(driver);
    await run((tx) => void tx.exec(sql)).catch(() => undefined);
    await works();
  });

  test('leaves temporary tables of the handler alone', async () => {
    const { run } = await openClaimed(driver);
    await run((tx) => void tx.exec('CREATE TEMP TABLE mine (id)'));
    const select = (tx: SqliteDatabase) => tx.prepare('SELECT * FROM mine').all();
    expect(await run(select)).toEqual([]);
  });

  test('lets other connections write after a handler has set locking_mode', async () => {
    const path = temporaryFile();
    const store = driver.use(() => sqliteStore({ path, driver: driver.name }));
    onTestFinished(() => store.close());
    await store.add(createTestEntry());
    const [claim] = await store.claim('novita', 1, LEASE_MS);
    if (claim === undefined) throw new Error('nothing to claim');
    await store.transaction?.(claim, 'one', (tx) => tx.exec('PRAGMA locking_mode = EXCLUSIVE'));
    await store.add(createTestEntry());
    const other = driver.open(path);
    onTestFinished(() => void other.close());
    expect(() => other.exec('BEGIN IMMEDIATE; ROLLBACK')).not.toThrow();
  });

  test('refuses an event that a trigger keeps from being stored', async () => {
    const path = temporaryFile();
    const store = driver.use(() => sqliteStore({ path, driver: driver.name }));
    onTestFinished(() => store.close());
    await store.add(createTestEntry());
    const other = driver.open(path);
    for (const table of ['novita_entries', 'novita_events']) {
      const skip = `BEFORE INSERT ON ${table} BEGIN SELECT RAISE(IGNORE); END`;
      other.exec(`CREATE TRIGGER skip ${skip}`);
      const adding = async () => store.add(createTestEntry());
      await expect(adding()).rejects.toMatchObject({ code: 'inbox_unavailable' });
      other.exec('DROP TRIGGER skip');
    }
    other.close();
    expect((await store.stats()).pending).toBe(1);
  });

  test('keeps working after a kept statement has begun a transaction', async () => {
    const { run, works } = await openClaimed(driver);
    const kept: SqliteStatement[] = [];
    await run((tx) => void kept.push(tx.prepare('BEGIN')));
    for (const statement of kept) statement.run();
    await works();
  });

  test.each([
    ['OFF', 1],
    ['NORMAL', 1],
    ['FULL', 2],
  ])('a connection of the caller with synchronous = %s writes with %i', async (level, used) => {
    const database = driver.open(temporaryFile());
    onTestFinished(() => void database.close());
    const { run } = await openClaimed(driver, database);
    database.exec(`PRAGMA synchronous = ${level}`); // also while the inbox uses it
    expect(await run(readSynchronous)).toBe(used);
  });

  test.each([
    ['BEGIN', 'ROLLBACK', 'BEGIN without COMMIT'],
    ['SAVEPOINT mine', 'ROLLBACK TO mine; RELEASE mine', 'BEGIN without COMMIT'],
    ['PRAGMA query_only = ON', 'PRAGMA query_only = OFF', 'PRAGMA query_only'],
  ])(
    'says what %s on a connection of the caller does, and works after %s',
    async (misuse, cure, words) => {
      const database = driver.open(temporaryFile());
      onTestFinished(() => void database.close());
      const { works } = await openClaimed(driver, database);
      const inbox = pollingInbox(driver.use(() => sqliteStore({ database })));
      database.exec(misuse);
      await expect(inbox.add(createTestEntry())).rejects.toThrow(words);
      database.exec(cure);
      await works();
    },
  );
});
