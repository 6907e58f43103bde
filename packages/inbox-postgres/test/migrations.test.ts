import { createTestEntry } from '@novita-webhooks/testing';
import {
  migratePostgres,
  migrationSql,
  postgresStore,
  type PostgresQuery,
} from '@novita-webhooks/inbox-postgres';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { startTcpProxy } from '../../../test/support/tcp-proxy.ts';
import { dropSchema, openPool, uniqueName, url } from './support/test-database.ts';

describe.skipIf(url === undefined)('migrate', () => {
  let pool: Pool;
  let schema: string;

  beforeAll(() => {
    pool = openPool();
  });
  afterAll(() => pool.end());
  beforeEach(() => {
    schema = uniqueName('test_migrations');
  });
  afterEach(() => dropSchema(pool, schema));

  test('migrates once when many stores start concurrently', async () => {
    const pools = Array.from({ length: 8 }, () => openPool({ max: 2 }));
    const stores = pools.map((each) => postgresStore({ pool: each, schema }));
    const answers = await Promise.all(stores.map(async (store) => store.add(createTestEntry())));
    expect(new Set(answers)).toEqual(new Set(['added']));
    const { rows } = await pool.query(`SELECT version FROM ${schema}.migrations`);
    expect(rows).toEqual([{ version: 1 }, { version: 2 }]);
    for (const store of stores) await store.close();
    for (const each of pools) await each.end();
  });

  test('migrates once when several processes start concurrently', async () => {
    const program = fileURLToPath(new URL('support/migrator.ts', import.meta.url));
    const tsx = fileURLToPath(new URL('../../../node_modules/.bin/tsx', import.meta.url));
    const args = [program, url ?? '', schema];
    await Promise.all(Array.from({ length: 3 }, () => promisify(execFile)(tsx, args)));
    const { rows } = await pool.query(`SELECT version FROM ${schema}.migrations`);
    expect(rows).toEqual([{ version: 1 }, { version: 2 }]);
  }, 60_000);

  test('lets other stores migrate after one froze in its transaction', async () => {
    const proxy = await startTcpProxy(Number(new URL(url ?? '').port));
    const through = (url ?? '').replace(/:\d+\//, `:${proxy.port}/`);
    const frozenPool = openPool({ connectionString: through });
    const connect = async () => {
      const client = await frozenPool.connect();
      return {
        async query(query: PostgresQuery) {
          const answer = await client.query(query);
          if (query.text.includes('CREATE SCHEMA')) proxy.freeze();
          return answer;
        },
        release: (error?: Error) => client.release(error),
      };
    };
    const frozen = postgresStore({ pool: { connect }, schema, queryTimeoutMs: 300 });
    await expect(frozen.stats()).rejects.toMatchObject({ code: 'inbox_unavailable' });
    const store = postgresStore({ pool, schema });
    expect(await store.add(createTestEntry())).toBe('added');
    proxy.restore();
    expect((await frozen.stats()).pending).toBe(1);
    await frozen.close();
    await store.close();
    await frozenPool.end();
    await proxy.close();
  });

  test('rejects a schema that a newer release has migrated', async () => {
    await migratePostgres({ pool, schema });
    await pool.query(`INSERT INTO ${schema}.migrations VALUES (99)`);
    const store = postgresStore({ pool, schema });
    const rejection = { code: 'invalid_option', message: expect.stringContaining('Update the package') as string }; // prettier-ignore
    await expect(store.add(createTestEntry())).rejects.toMatchObject(rejection);
    await expect(migratePostgres({ pool, schema })).rejects.toMatchObject(rejection);
    await pool.query(`DELETE FROM ${schema}.migrations WHERE version = 99`);
    expect(await store.add(createTestEntry())).toBe('added');
    await store.close();
  });

  test('rolls a failed migration back and retries it at the next call', async () => {
    await pool.query(`CREATE SCHEMA ${schema}`);
    await pool.query(`CREATE TABLE ${schema}.counts (other text)`);
    const store = postgresStore({ pool, schema });
    await expect(store.add(createTestEntry())).rejects.toMatchObject({ code: 'inbox_unavailable' });
    const { rows } = await pool.query('SELECT FROM pg_tables WHERE schemaname = $1', [schema]);
    expect(rows).toHaveLength(1);
    await pool.query(`DROP TABLE ${schema}.counts`);
    expect(await store.add(createTestEntry())).toBe('added');
    await store.close();
  });

  test('migrates a schema of version 1 and keeps its entries', async () => {
    const oldStore = postgresStore({ pool, schema });
    const entry = createTestEntry();
    await oldStore.add(entry);
    await oldStore.close();
    for (const name of ['add', 'claim', 'extend', 'settle']) {
      await pool.query(`DROP FUNCTION ${schema}.${name}`);
    }
    await pool.query(`DELETE FROM ${schema}.migrations WHERE version > 1`);

    const store = postgresStore({ pool, schema });
    expect(await store.add(entry)).toBe('duplicate');
    expect(await store.claim('novita', 1, 1000)).toMatchObject([{ taskId: entry.taskId }]);
    await store.close();
  });

  test('creates the tables again after the schema was dropped', async () => {
    const store = postgresStore({ pool, schema });
    await store.add(createTestEntry());
    await dropSchema(pool, schema);
    await expect(store.add(createTestEntry())).rejects.toMatchObject({ code: 'inbox_unavailable' });
    expect(await store.add(createTestEntry())).toBe('added');
    await store.close();
  });

  test('migrationSql returns a script that can run twice', async () => {
    await pool.query(migrationSql({ schema }));
    await pool.query(migrationSql({ schema }));
    const store = postgresStore({ pool, schema });
    expect(await store.add(createTestEntry())).toBe('added');
    await store.close();
  });

  test.each([
    'with "quotes"',
    'ünï 任务',
    'Mixed Case',
    "it's; DROP TABLE x; --",
    'novita_webhooks.x',
  ])('accepts the schema name %s', async (name) => {
    const unusual = `${uniqueName('test')} ${name}`;
    await pool.query(migrationSql({ schema: unusual }));
    await pool.query(migrationSql({ schema: unusual }));
    const store = postgresStore({ pool, schema: unusual });
    await store.add(createTestEntry());
    const [claim] = await store.claim('novita', 1, 1000);
    expect(claim && (await store.settle(claim, { type: 'done' }))).toBe(true);
    const { rows } = await pool.query('SELECT FROM pg_namespace WHERE nspname = $1', [unusual]);
    expect(rows).toHaveLength(1);
    await store.close();
    await pool.query(`DROP SCHEMA "${unusual.replaceAll('"', '""')}" CASCADE`);
  });

  test.each(['', 'pg_own', 'x'.repeat(64), 'ü'.repeat(32), 'a\0b', 7])(
    'rejects the schema name %j',
    (name) => {
      expect(() => postgresStore({ pool, schema: name as string })).toThrow('schema: must be');
    },
  );
});
