import type { Clock } from '@novita-webhooks/core';
import type { PostgresClient, PostgresPool } from '@novita-webhooks/inbox-postgres';
import { randomBytes } from 'node:crypto';
import { Pool, type PoolConfig } from 'pg';

import { findPostgres } from '../../../../test/support/services.ts';

/** Where the tests of this package find a server; `undefined` where they do not. */
export const url = await findPostgres('the PostgreSQL inbox');

export const uniqueName = (prefix: string): string => `${prefix}_${randomBytes(6).toString('hex')}`;

export function openPool(config: PoolConfig = {}): Pool {
  const pool = new Pool({ connectionString: url, max: 10, ...config });
  pool.on('error', () => undefined);
  return pool;
}

export async function dropSchema(pool: Pool, name: string): Promise<void> {
  await pool.query(`DROP SCHEMA IF EXISTS "${name}" CASCADE`);
}

/** A pool in whose sessions the time is that of a clock in this process. */
export interface ClockedPool {
  readonly pool: Pool;
  /** Where its clock is, to be searched before everything else. */
  readonly schema: string;
  /** Takes the time along with every statement. */
  at(clock: Pick<Clock, 'now'>): PostgresPool;
  close(): Promise<void>;
}

/**
 * No statement of the store says where its time comes from: so a function of the same name in a
 * schema that is searched first is the clock, and the store needs nothing for that.
 */
export async function openClockedPool(config: PoolConfig = {}): Promise<ClockedPool> {
  const schema = uniqueName('test_clock');
  const pool = openPool({ options: `-c search_path=${schema},pg_catalog`, ...config });
  await pool.query(`
    CREATE SCHEMA ${schema};
    CREATE FUNCTION ${schema}.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    $$ SELECT to_timestamp(current_setting('test.now')::float8 / 1000) $$`);
  return {
    pool,
    schema,
    at: (clock) => withTime(pool, clock),
    async close() {
      await dropSchema(pool, schema);
      await pool.end();
    },
  };
}

/** A pool that takes the time of a clock along with every statement. */
export function withTime(pool: PostgresPool, clock: Pick<Clock, 'now'>): PostgresPool {
  const toClient = (client: PostgresClient): PostgresClient => ({
    async query(query) {
      const values = [String(clock.now())];
      await client.query({ text: `SELECT set_config('test.now', $1, false)`, values });
      return client.query(query);
    },
    release: (error) => client.release(error),
    on: (...parameters) => client.on?.(...parameters),
    removeListener: (...parameters) => client.removeListener?.(...parameters),
  });
  return { connect: async () => toClient(await pool.connect()) };
}
