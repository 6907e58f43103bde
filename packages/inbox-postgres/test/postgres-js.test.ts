import { newEntry } from '@novita-webhooks/core/testing';
import { postgresStore, type PostgresClient } from '@novita-webhooks/inbox-postgres';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { toPool } from './support/postgres-js.ts';
import { dropSchema, openPool, uniqueName, url } from './support/test-database.ts';

// The contract is in contract.test.ts.
describe.skipIf(url === undefined)('the PostgreSQL store on postgres.js', () => {
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

  test('says what to do about an error of the server', async () => {
    await postgresStore({ pool: toPool(sql), schema }).stats();
    const readOnly = postgres(url ?? '', {
      max: 1,
      connection: { default_transaction_read_only: true },
      onnotice: () => undefined,
    });
    const store = postgresStore({ pool: toPool(readOnly), schema });
    await expect(store.add(newEntry())).rejects.toMatchObject({
      code: 'inbox_unavailable',
      message: expect.stringContaining('this server takes no writes') as string,
    });
    await readOnly.end();
  });

  test('notices a transaction that was ended inside, or that had failed', async () => {
    const store = postgresStore({ pool: toPool(sql), schema });
    await store.add(newEntry());
    const [claim] = await store.claim('novita', 1, 30_000);
    if (claim === undefined) throw new Error('there is nothing to claim');
    const transact = (work: (client: PostgresClient) => Promise<unknown>) =>
      store.transaction?.(claim, 'one', work);
    await expect(transact((client) => client.query({ text: 'COMMIT' }))).rejects.toMatchObject({
      code: 'permanent',
    });
    const swallowed = (client: PostgresClient) =>
      client.query({ text: 'SELECT 1 / 0' }).catch(() => undefined);
    await expect(transact(swallowed)).rejects.toMatchObject({ code: 'handler_failed' });
    expect((await store.get(claim))?.handled).toEqual([]);
  });
});
