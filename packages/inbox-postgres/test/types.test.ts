import type { Inbox, Store } from '@novita-webhooks/core';
import {
  postgresInbox,
  postgresStore,
  type PostgresClient,
  type PostgresPool,
} from '@novita-webhooks/inbox-postgres';
import type { Pool, PoolClient } from 'pg';
import { expect, expectTypeOf, test } from 'vitest';

// What counts here is that it compiles: `tsc --noEmit` is what these tests can fail. Nothing is run.
test('a pool of pg fits as it is, and transactions hand over its client', () => {
  expectTypeOf<Pool>().toExtend<PostgresPool>();
  expectTypeOf<PoolClient>().toExtend<PostgresClient>();
  const open = (pool: Pool) => postgresInbox({ pool });
  expectTypeOf(open).returns.toEqualTypeOf<Inbox<PoolClient>>();
  const openStore = (pool: Pool) => postgresStore({ pool });
  expectTypeOf(openStore).returns.toEqualTypeOf<Store<PoolClient>>();
});

test('so does any other pool, with the client that it has', () => {
  interface OwnClient extends PostgresClient {
    readonly own: true;
  }
  const open = (pool: { connect(): Promise<OwnClient> }) => postgresInbox({ pool });
  expectTypeOf(open).returns.toEqualTypeOf<Inbox<OwnClient>>();
  const openAny = (pool: PostgresPool) => postgresInbox({ pool });
  expectTypeOf(openAny).returns.toEqualTypeOf<Inbox<PostgresClient>>();
});

test('what is no pool does not compile', () => {
  // @ts-expect-error: it has no connect
  expect(() => postgresInbox({ pool: {} })).toThrow('pool must be');
  // @ts-expect-error: there is no pool
  expect(() => postgresInbox({})).toThrow('pool must be');
  const pool = { connect: () => Promise.reject(new Error('not here')) };
  // @ts-expect-error: it is no name
  expect(() => postgresInbox({ pool, schema: 1 })).toThrow('schema must be');
});
