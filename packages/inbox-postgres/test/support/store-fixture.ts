import type { EntryKey, Store } from '@novita-webhooks/core';
import { postgresStore, type PostgresStoreOptions } from '@novita-webhooks/inbox-postgres';
import type { Pool, PoolClient } from 'pg';

import { dropSchema, openPool, uniqueName } from './test-database.ts';

/** A schema of its own with a store. Peers are stores of other processes. */
export interface StoreFixture {
  readonly pool: Pool;
  readonly schema: string;
  readonly store: Store<PoolClient>;
  /** Opens another store on the same schema, on a pool of its own. */
  openPeer(options?: Partial<Omit<PostgresStoreOptions, 'pool'>>): Store<PoolClient>;
  /** SQLSTATEs of the statements of peers that failed, also of those that were tried again. */
  failures(): readonly unknown[];
  /** Runs SQL in which `SCHEMA` stands for the schema. */
  query<Row>(text: string, values?: unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

/** The key alone: a target that may have changed since it was claimed or listed. */
export const keyOf = ({ endpoint, taskId }: EntryKey): EntryKey => ({ endpoint, taskId });

/** SQL that inserts events without states. */
export const insertEvents = (taskId: string, from = ''): string => `
INSERT INTO SCHEMA.events
  (received_at, test_mode, endpoint, task_id, status, task_type, source, metadata, body)
SELECT now(), false, 'novita', ${taskId}, '', '', 'delivery', '{}', '{}' ${from}
RETURNING id`;

export async function openStoreFixture(): Promise<StoreFixture> {
  const schema = uniqueName('test_store');
  const pool = openPool();
  const pools = [pool];
  const failures: unknown[] = [];
  const stores: Store<PoolClient>[] = [];
  const open = (storePool: Pool, options: Partial<Omit<PostgresStoreOptions, 'pool'>> = {}) => {
    const store = postgresStore({ schema, ...options, pool: storePool });
    stores.push(store);
    return store;
  };
  const store = open(pool);
  await store.stats(); // the first use creates the schema
  return {
    pool,
    schema,
    store,
    openPeer(options) {
      const peerPool = openPool().on('connect', (client) => recordFailures(client, failures));
      pools.push(peerPool);
      return open(peerPool, options);
    },
    failures: () => failures,
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

function recordFailures(client: PoolClient, failures: unknown[]): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  const recorded = (...args: unknown[]) => {
    const result = query(...args);
    if (result instanceof Promise) {
      result.catch((error: unknown) => failures.push((error as { code?: unknown }).code));
    }
    return result;
  };
  client.query = recorded as typeof client.query;
}
