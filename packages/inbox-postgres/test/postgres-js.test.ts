import { createTestEntry } from '@novita-webhooks/testing';
import { postgresStore, type PostgresClient } from '@novita-webhooks/inbox-postgres';
import { setTimeout as pause } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { toPool } from './support/postgres-js.ts';
import { dropSchema, openPool, uniqueName, url } from './support/test-database.ts';

// contract.test.ts runs the store contract on postgres.js.
describe.skipIf(url === undefined)('postgresStore on postgres.js', () => {
  const schema = uniqueName('test_postgres_js');
  let sql: postgres.Sql;

  beforeAll(() => {
    sql = postgres(url ?? '', { max: 5, onnotice: () => undefined });
  });
  afterAll(async () => {
    await sql.end();
    const pool = openPool();
    await dropSchema(pool, schema);
    await pool.end();
  });

  test('says what to do after an error of the server', async () => {
    await postgresStore({ pool: toPool(sql), schema }).stats();
    const readOnly = postgres(url ?? '', {
      max: 1,
      connection: { default_transaction_read_only: true },
      onnotice: () => undefined,
    });
    const store = postgresStore({ pool: toPool(readOnly), schema });
    await expect(store.add(createTestEntry())).rejects.toMatchObject({
      code: 'inbox_unavailable',
      message: expect.stringContaining('the server is read-only') as string,
    });
    await readOnly.end({ timeout: 1 }); // without a timeout, it waits for the closed connection
  });

  test('rejects a transaction that its handler ended or that had failed', async () => {
    const store = postgresStore({ pool: toPool(sql), schema });
    await store.add(createTestEntry());
    const [claim] = await store.claim('novita', 1, 30_000);
    if (claim === undefined) throw new Error('no entry was claimed');
    const transact = (work: (client: PostgresClient) => Promise<unknown>) =>
      store.transaction?.(claim, 'one', work);
    await expect(transact((client) => client.query({ text: 'COMMIT' }))).rejects.toMatchObject({
      code: 'permanent',
    });
    const swallowed = (client: PostgresClient) =>
      client.query({ text: 'SELECT 1 / 0' }).catch(() => undefined);
    await expect(transact(swallowed)).rejects.toMatchObject({ code: 'handler_failed' });
    expect((await store.get(claim))?.succeededHandlers).toEqual([]);
  });

  test('loses no acknowledged event after a transaction timed out', async () => {
    const single = postgres(url ?? '', { max: 1, onnotice: () => undefined });
    const options = {
      pool: toPool(single),
      schema,
      queryTimeoutMs: 400,
      transactionTimeoutMs: 200,
    };
    const store = postgresStore(options);
    const safe = postgresStore({ pool: toPool(sql), schema });
    const addAll = async () => {
      let added = 0;
      for (let tries = 0; tries < 100 && added < 3; tries += 1) {
        const entry = createTestEntry({ endpoint: 'after' });
        const answer = await Promise.resolve(store.add(entry)).catch(() => undefined);
        if (answer !== undefined) expect(await safe.get(entry)).toBeDefined();
        if (answer !== undefined) added += 1;
        else await pause(20);
      }
      expect(added).toBe(3);
    };
    const invalid = createTestEntry({ endpoint: 'late', schemaError: 'images: not a list' });
    await safe.add(invalid);
    const [claim] = await safe.claim('late', 1, 30_000);
    if (claim === undefined) throw new Error('no entry was claimed');
    const transacting = store.transaction?.(claim, 'one', async (client) => {
      await client.query({ text: 'SELECT 1' });
      await pause(600);
    });
    await expect(transacting).rejects.toThrow('took longer');
    await addAll();
    await sql.begin(async (locking) => {
      await locking.unsafe(`SELECT FROM ${schema}.pending_entries FOR UPDATE`);
      await expect(store.add({ ...invalid, schemaError: null })).rejects.toThrow('took too long');
      await addAll();
    });
    await sql.begin(async (locking) => {
      await locking.unsafe(`LOCK TABLE ${schema}.events IN ACCESS EXCLUSIVE MODE`);
      await expect(store.claim('after', 1, 30_000)).rejects.toThrow('inbox-postgres');
    });
    await addAll();
    await single.end({ timeout: 1 });
  });
});
