import { createTestEntry } from '@novita-webhooks/testing';
import { migratePostgres, migrationSql, postgresStore } from '@novita-webhooks/inbox-postgres';
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { keyOf } from './support/store-fixture.ts';
import { dropSchema, openPool, uniqueName, url } from './support/test-database.ts';

describe.skipIf(url === undefined)('roles and privileges', () => {
  const schema = uniqueName('test_roles');
  const owner = uniqueName('owner');
  const app = uniqueName('app');
  const viewer = uniqueName('viewer');
  let admin: Pool;
  const pools: Pool[] = [];

  function openAs(role: string): Pool {
    const pool = openPool({ options: `-c role=${role}`, max: 3 });
    pools.push(pool);
    return pool;
  }

  beforeAll(async () => {
    admin = openPool();
    for (const role of [owner, app, viewer]) await admin.query(`CREATE ROLE ${role}`);
    await admin.query(`CREATE SCHEMA ${schema} AUTHORIZATION ${owner}`);
  });
  afterAll(async () => {
    for (const pool of pools) await pool.end();
    await dropSchema(admin, schema);
    for (const role of [owner, app, viewer]) await admin.query(`DROP ROLE ${role}`);
    await admin.end();
  });

  test('an application without CREATE gets an error that says what to do', async () => {
    const store = postgresStore({ pool: openAs(app), schema });
    const message = expect.stringContaining('let the owner of the schema run the migrations') as string; // prettier-ignore
    await expect(store.add(createTestEntry())).rejects.toMatchObject({ code: 'inbox_unavailable', message }); // prettier-ignore
    await store.close();
  });

  test('an application needs only the privileges in the README', async () => {
    await migratePostgres({ pool: openAs(owner), schema });
    await openAs(owner).query(migrationSql({ schema })); // may not create a schema, and need not
    await admin.query(`
      GRANT USAGE ON SCHEMA ${schema} TO ${app};
      GRANT SELECT ON ${schema}.migrations TO ${app};
      GRANT SELECT, INSERT, UPDATE, DELETE ON
        ${schema}.events, ${schema}.pending_entries, ${schema}.finished_entries, ${schema}.counts TO ${app};
      REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ${schema} FROM PUBLIC;
      GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${schema} TO ${app};
      CREATE TABLE ${schema}.ledger (line text);
      GRANT INSERT ON ${schema}.ledger TO ${app}`);
    const pool = openAs(app);
    await expect(pool.query(`CREATE TABLE ${schema}.other (id integer)`)).rejects.toThrow('denied');
    const store = postgresStore({ pool, schema });
    const invalid = createTestEntry({ schemaError: 'images: not a list' });
    expect(await store.add(invalid)).toBe('added');
    expect(await store.add({ ...invalid, schemaError: null })).toBe('added');
    expect(await store.add(invalid)).toBe('duplicate');
    const [claim] = await store.claim('novita', 1, 1000);
    if (claim === undefined) throw new Error('no entry was claimed');
    expect(await store.extend(claim, 1000)).toBe(true);
    await store.transaction?.(claim, 'one', (client) =>
      client.query(`INSERT INTO ${schema}.ledger VALUES ('one')`),
    );
    expect(await store.settle(claim, { type: 'done' })).toBe(true);
    expect(await store.replayEntries([keyOf(claim)])).toBe(1);
    expect((await store.list({ states: ['pending'] })).entries).toHaveLength(1);
    expect((await store.stats()).pending).toBe(1);
    expect(await store.discardEntries([keyOf(claim)])).toBe(1);
    expect(await store.restoreEntries?.([claim])).toBe(1);
    expect(await store.discardEntries([claim])).toBe(1);
    await store.deleteExpired({ doneMs: 1, deadMs: 1 });
    await store.close();
  });

  test('a role with SELECT can list, get and count, but not add', async () => {
    await admin.query(`
      GRANT USAGE ON SCHEMA ${schema} TO ${viewer};
      GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${viewer}`);
    const store = postgresStore({ pool: openAs(viewer), schema });
    expect((await store.list()).entries).toEqual([]);
    expect((await store.stats()).done).toBe(0);
    await expect(store.add(createTestEntry())).rejects.toMatchObject({ code: 'inbox_unavailable' });
    await store.close();
  });
});
