import {
  createManualClock,
  newEntry,
  runCase,
  storeContract,
  type StoreSubject,
} from '@novita-webhooks/core/testing';
import { postgresStore, type PostgresClient } from '@novita-webhooks/inbox-postgres';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { toPool } from './support/postgres-js.ts';
import {
  dropSchema,
  openClockedPool,
  uniqueName,
  url,
  withTime,
  type ClockedPool,
} from './support/test-database.ts';

describe.skipIf(url === undefined)(
  'the store contract, by the PostgreSQL store on postgres.js',
  () => {
    const schemas: string[] = [];
    let clocked: ClockedPool;
    let sql: postgres.Sql;

    beforeAll(async () => {
      clocked = await openClockedPool();
      const connection = { search_path: `${clocked.schema},pg_catalog` };
      sql = postgres(url ?? '', { max: 5, connection, onnotice: () => undefined });
    });
    afterAll(async () => {
      await sql.end();
      for (const schema of schemas) await dropSchema(clocked.pool, schema);
      await clocked.close();
    });

    async function open(): Promise<StoreSubject> {
      const schema = uniqueName('test_postgres_js');
      schemas.push(schema);
      const clock = createManualClock();
      const pool = toPool(sql);
      const store = postgresStore({
        pool: { connect: async () => withTime(await pool.connect(), clock) },
        schema,
      });
      await store.stats();
      await sql.unsafe(`CREATE TABLE ${schema}.ledger (id serial, line text)`);
      const ledger = {
        async write(tx: unknown, line: string) {
          const text = `INSERT INTO ${schema}.ledger (line) VALUES ($1)`;
          await (tx as PostgresClient).query({ text, values: [line] });
        },
        async read() {
          const rows = await sql.unsafe<{ line: string }[]>(
            `SELECT line FROM ${schema}.ledger ORDER BY id`,
          );
          return rows.map(({ line }) => line);
        },
      };
      return { store, ledger, advance: (ms) => clock.advance(ms) };
    }

    for (const contractCase of storeContract) {
      test(contractCase.name, ({ skip }) =>
        runCase(contractCase, open, ({ store }) => store.close(), skip),
      );
    }

    test('an error of the server says what to do as well', async () => {
      const schema = uniqueName('test_postgres_js');
      schemas.push(schema);
      const store = postgresStore({ pool: toPool(sql), schema });
      const message = expect.stringContaining('this server takes no writes') as string;
      await store.stats();
      const readOnly = postgres(url ?? '', {
        max: 1,
        connection: { default_transaction_read_only: true },
        onnotice: () => undefined,
      });
      const refused = postgresStore({ pool: toPool(readOnly), schema });
      await expect(refused.add(newEntry())).rejects.toMatchObject({ code: 'inbox_unavailable', message }); // prettier-ignore
      await readOnly.end();
      await store.close();
    });
  },
);
