import type { Claim, Store } from '@novita-webhooks/core';
import { createTestEntry } from '@novita-webhooks/testing';
import { postgresStore } from '@novita-webhooks/inbox-postgres';
import type { Pool, PoolClient } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { keyOf } from './support/store-fixture.ts';
import { dropSchema, openPool, uniqueName, url } from './support/test-database.ts';

const LEASE_MS = 30_000;
const RETRY = { type: 'retry', delayMs: 0, reason: 'later', succeededHandlers: [] } as const;
const OPERATIONS = [
  'add',
  'replace',
  'claim',
  'extend',
  'retry',
  'transaction',
  'done',
  'replay',
  'discard',
  'restore',
] as const;

interface Fixture {
  readonly pool: Pool;
  readonly schema: string;
  readonly store: Store<PoolClient>;
}

describe.skipIf(url === undefined)('postgresStore on connections with other settings', () => {
  let owner: Pool;
  let fixture: Fixture | undefined;

  beforeAll(() => {
    owner = openPool();
  });
  afterEach(async () => {
    await fixture?.store.close();
    await dropSchema(owner, fixture?.schema ?? '');
    await fixture?.pool.end();
    fixture = undefined;
  });
  afterAll(() => owner.end());

  /** Opens a store on a pool whose single connection the application has changed. */
  async function open(change: string): Promise<Fixture> {
    const schema = uniqueName('test_settings');
    const pool = openPool({ max: 1 });
    const store = postgresStore({ pool, schema });
    fixture = { pool, schema, store };
    await store.stats(); // creates the schema
    await pool.query(change);
    return fixture;
  }

  test.each([
    ['off', 'on'],
    ['local', 'on'],
    ['remote_write', 'on'],
    ['on', 'on'],
    ['remote_apply', 'remote_apply'],
  ])('every write commits durably if synchronous_commit is %s', async (setting, expected) => {
    const { schema, store, pool } = await open(`SET synchronous_commit TO ${setting}`);
    await recordCommits(owner, schema);
    const commits: Record<string, string[]> = {};
    for await (const operation of runAll(store)) {
      const text = `DELETE FROM ${schema}.commits RETURNING setting`;
      const { rows } = await owner.query<{ setting: string }>(text);
      commits[operation] = [...new Set(rows.map((row) => row.setting))];
    }
    const all = OPERATIONS.map((operation) => [operation, [expected]]);
    // The handler of the transaction has set it to `off`.
    expect(commits).toEqual({ ...Object.fromEntries(all), transaction: ['on'] });
    const { rows } = await pool.query<{ setting: string }>(
      `SELECT current_setting('synchronous_commit') AS setting`,
    );
    expect(rows).toEqual([{ setting }]); // the connection keeps what the application has set
  });

  test.each([
    'extra_float_digits TO -15',
    "DateStyle TO 'German'",
    "IntervalStyle TO 'iso_8601'",
    "TimeZone TO 'Asia/Kathmandu'",
    'standard_conforming_strings TO off',
    'transform_null_equals TO on',
    'array_nulls TO off',
    "default_transaction_isolation TO 'serializable'",
    "search_path TO ''",
  ])('entries are read as they were written if the application has SET %s', async (setting) => {
    const { store } = await open(`SET ${setting}`);
    const receivedAt = Date.UTC(2026, 10, 29, 20, 31, 7, 891);
    const entry = createTestEntry({ receivedAt, metadata: { path: String.raw`C:\n'x'` } });
    expect(await store.add(entry)).toBe('added');
    const before = Date.now();
    const [claim] = (await store.claim(entry.endpoint, 1, LEASE_MS)) as [Claim];
    expect(claim).toMatchObject(entry);
    expect(Math.abs((claim.dueAt ?? 0) - before - LEASE_MS)).toBeLessThan(LEASE_MS);
    await store.settle(claim, { ...RETRY, delayMs: LEASE_MS });
    expect(await store.nextDueMs(entry.endpoint)).toBeGreaterThan(1);
    const page = await store.list({ receivedFrom: new Date(receivedAt), bodies: true, limit: 1 });
    expect(page.entries).toMatchObject([{ ...entry, state: 'pending' }]);
  });

  test.each([
    'SET default_transaction_read_only TO on',
    'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY',
    'SET statement_timeout TO 1',
    "SET search_path TO ''",
    'SET session_replication_role TO replica',
    'SET ROLE pg_monitor; RESET ROLE; SET synchronous_commit TO off',
    'COMMIT; SET default_transaction_read_only TO on; BEGIN',
  ])('the pool keeps no connection on which a handler has run %s', async (sql) => {
    const { store, pool } = await open('SET application_name TO test');
    const { rows: before } = await pool.query<object>('SHOW ALL');
    const [claim] = await claimThree(store);
    await store.transaction?.(claim, 'one', (tx) => tx.query(sql)).catch(() => undefined);
    expect(await store.add(createTestEntry())).toBe('added');
    const { rows: after } = await pool.query<object>('SHOW ALL');
    const own = (row: object) => !('name' in row && row.name === 'application_name');
    expect(after.filter(own)).toEqual(before.filter(own));
  });

  test('a handler with SET LOCAL keeps the connection', async () => {
    const { store, pool } = await open('SET application_name TO test');
    const [claim] = await claimThree(store);
    await store.transaction?.(claim, 'one', (tx) => tx.query("SET LOCAL search_path TO ''"));
    const { rows } = await pool.query('SHOW application_name');
    expect(rows).toEqual([{ application_name: 'test' }]);
  });

  test('stats counts exactly if session_replication_role is replica', async () => {
    const { store, pool } = await open('SET session_replication_role TO replica');
    const claims = await claimThree(store);
    expect(await store.stats()).toMatchObject({ pending: 0, running: 3 });
    await store.settle(claims[0], { type: 'done' });
    await store.settle(claims[1], { type: 'dead', reason: 'no', succeededHandlers: [] });
    expect(await store.stats()).toMatchObject({ pending: 0, running: 1, done: 1, dead: 1 });
    await store.replayEntries([keyOf(claims[1])]);
    await store.discardEntries([keyOf(claims[1])]);
    expect(await store.stats()).toMatchObject({ pending: 0, running: 1, done: 1, dead: 0 });
    expect(await store.deleteExpired({ doneMs: 0, deadMs: 0 })).toBe(1);
    expect(await store.stats()).toMatchObject({ pending: 0, running: 1, done: 0, dead: 0 });
    const invalid = createTestEntry({ schemaError: 'images: not a list' });
    await store.add(invalid);
    await store.add({ ...invalid, schemaError: null });
    expect(await store.stats()).toMatchObject({ pending: 1, running: 1 });
    const { rows } = await pool.query<{ role: string }>(
      `SELECT current_setting('session_replication_role') AS role`,
    );
    expect(rows).toEqual([{ role: 'replica' }]);
  });
});

/** Records `synchronous_commit` at the commit of each transaction that changes a row. */
async function recordCommits(owner: Pool, schema: string): Promise<void> {
  const triggers = ['events', 'pending_entries', 'finished_entries'].map(
    (table) => `
      CREATE CONSTRAINT TRIGGER record_commit AFTER INSERT OR UPDATE OR DELETE ON ${schema}.${table}
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ${schema}.record_commit();`,
  );
  await owner.query(`
    CREATE TABLE ${schema}.commits (setting text);
    CREATE FUNCTION ${schema}.record_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO ${schema}.commits VALUES (current_setting('synchronous_commit'));
      RETURN NULL;
    END $$;
    ${triggers.join('')}`);
}

/** Runs each operation that writes once, and yields its name. */
async function* runAll(store: Store<PoolClient>): AsyncGenerator<(typeof OPERATIONS)[number]> {
  const entry = createTestEntry({ schemaError: 'images: not a list' });
  expect(await store.add(entry)).toBe('added');
  yield 'add';
  expect(await store.add({ ...entry, schemaError: null })).toBe('added');
  yield 'replace';
  let [claim] = (await store.claim(entry.endpoint, 1, LEASE_MS)) as [Claim];
  yield 'claim';
  expect(await store.extend(claim, LEASE_MS)).toBe(true);
  yield 'extend';
  expect(await store.settle(claim, RETRY)).toBe(true);
  yield 'retry';
  [claim] = (await store.claim(entry.endpoint, 1, LEASE_MS)) as [Claim];
  yield 'claim';
  await store.transaction?.(claim, 'one', async (client) => {
    await client.query('SET LOCAL synchronous_commit TO off');
  });
  yield 'transaction';
  expect(await store.settle(claim, { type: 'done' })).toBe(true);
  yield 'done';
  expect(await store.replayEntries([entry])).toBe(1);
  yield 'replay';
  expect(await store.discardEntries([entry])).toBe(1);
  yield 'discard';
  expect(await store.restoreEntries?.([claim])).toBe(1);
  yield 'restore';
}

async function claimThree(store: Store<PoolClient>): Promise<[Claim, Claim, Claim]> {
  for (let n = 0; n < 3; n += 1) await store.add(createTestEntry());
  return (await store.claim('novita', 3, LEASE_MS)) as [Claim, Claim, Claim];
}
