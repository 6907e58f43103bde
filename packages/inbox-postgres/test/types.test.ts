import type { Inbox, Store } from '@novita-webhooks/core';
import {
  postgresInbox,
  postgresStore,
  type PostgresClient,
  type PostgresPool,
} from '@novita-webhooks/inbox-postgres';
import type { Pool, PoolClient } from 'pg';
import { expect, expectTypeOf, test } from 'vitest';

// These tests fail when `tsc --noEmit` does not compile them.
test('postgresInbox accepts a pool of pg and infers its client', () => {
  expectTypeOf<Pool>().toExtend<PostgresPool>();
  expectTypeOf<PoolClient>().toExtend<PostgresClient>();
  const open = (pool: Pool) => postgresInbox({ pool });
  expectTypeOf(open).returns.toEqualTypeOf<Inbox<PoolClient>>();
  const openStore = (pool: Pool) => postgresStore({ pool });
  expectTypeOf(openStore).returns.toEqualTypeOf<Store<PoolClient>>();
});

test('postgresInbox accepts another pool and infers its client', () => {
  interface CustomClient extends PostgresClient {
    readonly custom: true;
  }
  const open = (pool: { connect(): Promise<CustomClient> }) => postgresInbox({ pool });
  expectTypeOf(open).returns.toEqualTypeOf<Inbox<CustomClient>>();
  const openAny = (pool: PostgresPool) => postgresInbox({ pool });
  expectTypeOf(openAny).returns.toEqualTypeOf<Inbox<PostgresClient>>();
});

test('postgresInbox rejects options of the wrong type', () => {
  // @ts-expect-error: the pool has no connect
  expect(() => postgresInbox({ pool: {} })).toThrow('pool: must be');
  // @ts-expect-error: the pool is missing
  expect(() => postgresInbox({})).toThrow('pool: must be');
  const pool = { connect: () => Promise.reject(new Error('not here')) };
  // @ts-expect-error: the schema is not a string
  expect(() => postgresInbox({ pool, schema: 1 })).toThrow('schema: must be');
});
