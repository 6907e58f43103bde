import type { Store } from '@novita-webhooks/core';
import { postgresStore, type PostgresStoreOptions } from '@novita-webhooks/inbox-postgres';
import type { Pool, PoolClient } from 'pg';

import { dropSchema, openPool, uniqueName } from './test-database.ts';

/** A schema with a store on it, and room for more stores. */
export interface Scene {
  readonly pool: Pool;
  readonly schema: string;
  readonly store: Store<PoolClient>;
  /** Another store on the same schema, as another process has it: on a pool of its own. */
  openPeer(options?: Partial<Omit<PostgresStoreOptions, 'pool'>>): Store<PoolClient>;
  query<Row>(text: string, values?: unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

export async function openScene(): Promise<Scene> {
  const schema = uniqueName('test_scene');
  const pool = openPool();
  const pools = [pool];
  const stores: Store<PoolClient>[] = [];
  const open = (on: Pool, options: Partial<Omit<PostgresStoreOptions, 'pool'>> = {}) => {
    const store = postgresStore({ schema, ...options, pool: on });
    stores.push(store);
    return store;
  };
  const store = open(pool);
  await store.stats(); // there is a schema with the first use
  return {
    pool,
    schema,
    store,
    openPeer(options) {
      const own = openPool();
      pools.push(own);
      return open(own, options);
    },
    async query<Row>(text: string, values?: unknown[]) {
      return (await pool.query(text.replaceAll('SCHEMA', schema), values)).rows as Row[];
    },
    async close() {
      for (const each of stores) await each.close();
      await dropSchema(pool, schema);
      for (const each of pools) await each.end();
    },
  };
}
