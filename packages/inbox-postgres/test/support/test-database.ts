import type { Clock } from '@novita-webhooks/core';
import type { PostgresClient, PostgresPool } from '@novita-webhooks/inbox-postgres';
import { randomBytes } from 'node:crypto';
import { Pool, type PoolConfig } from 'pg';

import { findPostgres } from '../../../../test/support/services.ts';

/** The address of a server for the tests; `undefined` if there is none. */
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

/** A pool whose sessions read the time from a clock of the test. */
export interface ClockedPool {
  readonly pool: Pool;
  /** The schema of the clock function; first in the search path. */
  readonly schema: string;
  /** A pool that sends the time of `clock` with every statement. */
  at(clock: Pick<Clock, 'now'>): PostgresPool;
  close(): Promise<void>;
}

/**
 * Opens a pool with a clock of the test. The store calls `clock_timestamp()` without a schema, so a
 * function of that name in a schema that is searched first replaces it.
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

/** Wraps a pool: sends the time of a clock before every statement. */
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
