import type { Claim, EntryQuery, Logger, NewEntry, Store } from '@novita-webhooks/core';
import { createTestEntry } from '@novita-webhooks/testing';
import { migratePostgres, postgresStore, type PostgresPool } from '@novita-webhooks/inbox-postgres';
import pg from 'pg';
import postgres from 'postgres';
import { afterEach, describe, expect, test, vi } from 'vitest';

import { toPool } from './support/postgres-js.ts';
import { dropSchema, openPool, uniqueName, url } from './support/test-database.ts';
import { TYPE_PARSERS } from './support/type-parsers.ts';

const LEASE_MS = 30_000;
const DAY_MS = 24 * 60 * 60 * 1000;

// contract.test.ts runs the store contract with other type parsers.
describe.skipIf(url === undefined)('postgresStore with type parsers of the application', () => {
  const cleanUps: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  async function run(pool: PostgresPool): Promise<unknown> {
    const schema = uniqueName('test_parsers');
    cleanUps.push(() => dropWithOwnPool(schema));
    return observe(pool, schema);
  }

  function openWith(types?: pg.CustomTypesConfig): pg.Pool {
    const pool = openPool({ max: 4, ...(types && { types }) });
    cleanUps.push(() => pool.end());
    return pool;
  }

  test.each(['text', 'bigint', 'textOnly'] as const)(
    'returns the same results as with the default parsers: %s',
    async (name) => {
      expect(await run(openWith(TYPE_PARSERS[name]))).toEqual(await run(openWith()));
    },
  );

  test('returns the same results with global parsers of pg', async () => {
    const expected = await run(openWith());
    const { BOOL, INT4, INT8, FLOAT8, NUMERIC, TIMESTAMPTZ } = pg.types.builtins;
    const changed = [BOOL, INT4, INT8, FLOAT8, NUMERIC, TIMESTAMPTZ];
    const previous = changed.map(
      (oid) => pg.types.getTypeParser(oid) as (value: string) => unknown,
    );
    for (const oid of changed) pg.types.setTypeParser(oid, (value: string) => `own ${value}`);
    try {
      expect(await run(openWith())).toEqual(expected);
    } finally {
      for (const [index, oid] of changed.entries()) {
        pg.types.setTypeParser(oid, previous[index] ?? String);
      }
    }
  });

  test('returns the same results with parsers of postgres.js', async () => {
    const parse = (value: string): unknown => `own ${value}`;
    const types = { to: 0, from: [16, 20, 21, 23, 700, 701, 1700, 1184], serialize: String, parse };
    const sql = postgres(url ?? '', { max: 4, types: { types }, onnotice: () => undefined });
    cleanUps.push(() => sql.end());
    expect(await run(toPool(sql))).toEqual(await run(openWith()));
  });
});

async function dropWithOwnPool(schema: string): Promise<void> {
  const pool = openPool();
  await dropSchema(pool, schema);
  await pool.end();
}

/** Uses every operation, and returns all results without what differs from run to run. */
async function observe(pool: PostgresPool, schema: string): Promise<unknown> {
  await migratePostgres({ pool, schema });
  await migratePostgres({ pool, schema });
  const store = postgresStore({ pool, schema, listen: false });
  const warn = vi.fn();
  const info = vi.fn();
  const error = vi.fn();
  store.open?.({ debug: vi.fn(), info, warn, error } satisfies Logger);
  await store.stats(); // connects
  await expect.poll(() => info.mock.calls.length + error.mock.calls.length).toBeGreaterThan(0);
  const results: unknown[] = await useAll(store);
  await store.close();
  return { results, logged: [info.mock.calls, warn.mock.calls, error.mock.calls] };
}

async function useAll(store: Store): Promise<unknown[]> {
  const [one, two, three] = ['1', '2', '3'].map((taskId) =>
    createTestEntry({
      ...{ taskId, receivedAt: 1_700_000_000_123, testMode: taskId === '2' },
      metadata: { orderId: 42 },
    }),
  ) as [NewEntry, NewEntry, NewEntry];
  const results: unknown[] = [];
  const added = await Promise.all([one, two, three, one].map(async (entry) => store.add(entry)));
  results.push(added.sort()); // either of the two calls with one key can be the first
  const invalid = createTestEntry({
    taskId: 'invalid',
    endpoint: 'other',
    schemaError: 'images: no',
  });
  results.push(await store.add(invalid), await store.add(invalid));
  results.push(await store.add({ ...invalid, schemaError: null }), await store.add(invalid));
  results.push(withoutTimes(await store.get(two)));
  const claims = (await store.claim('novita', 3, LEASE_MS)) as [Claim, Claim, Claim];
  results.push(claims.map(withoutTimes), isNear(claims[0].dueAt, LEASE_MS));
  results.push(isNear(Date.now() + ((await store.nextDueMs('novita')) ?? NaN), LEASE_MS));
  results.push(await store.extend(claims[0], LEASE_MS));
  results.push(await store.extend({ ...claims[0], fencingToken: '1.none' }, LEASE_MS));
  results.push(await outcomeOf(store.transaction?.(claims[0], 'first', () => 'value')));
  const { fencingToken } = claims[0];
  const lost = { ...claims[1], fencingToken };
  results.push(await outcomeOf(store.transaction?.(lost, 'first', () => 'value')));
  results.push(await outcomeOf(store.transaction?.(claims[1], 'first', endTransaction)));
  results.push(await store.settle(claims[0], { type: 'done' }));
  results.push(await store.settle(claims[0], { type: 'done' }));
  const dead = { type: 'dead', reason: 'no', succeededHandlers: ['a'] } as const;
  results.push(await store.settle(claims[1], dead));
  const retry = { type: 'retry', delayMs: DAY_MS, reason: 'later', succeededHandlers: [] } as const;
  results.push(await store.settle(claims[2], retry));
  const listed = await store.list();
  results.push(listed.entries.map(withoutTimes), listed.cursor);
  results.push(isNear(listed.entries.find(({ taskId }) => taskId === '3')?.dueAt, DAY_MS));
  results.push(isNear(listed.entries.find(({ taskId }) => taskId === '1')?.finishedAt, 0));
  for (const state of ['pending', 'running', 'done', 'dead'] as const) {
    results.push((await store.list({ states: [state], limit: 1 })).entries.map(withoutTimes));
  }
  const { lagMs, ...counts } = await store.stats();
  results.push(counts, lagMs > 0 && lagMs < 60_000);
  const { entries } = await store.list({ ...EVERY_FILTER, bodies: false });
  expect(entries).toHaveLength(1);
  results.push(entries.map(withoutTimes));
  results.push(await store.replayEntries(entries, { handlers: ['a'] }));
  results.push(await store.replayEntries(entries), withoutTimes(await store.get(two)));
  results.push(await store.discardEntries([three, two]), await store.restoreEntries?.(entries));
  results.push(await store.deleteExpired({ doneMs: 0, deadMs: 0 }));
  return results;
}

/** Matches the entry `two`. */
const EVERY_FILTER: EntryQuery = {
  endpoint: 'novita',
  states: ['dead'],
  taskType: 'TXT_TO_IMG',
  status: 'TASK_STATUS_SUCCEED',
  reasonContains: 'n',
  errorGroup: 'no',
  metadata: { orderId: 42 },
  receivedFrom: 1_700_000_000_123,
  receivedTo: 1_700_000_000_124,
  finishedFrom: 0,
  finishedTo: Date.UTC(2100, 0, 1),
  schemaErrors: false,
  testEvents: true,
  taskIdContains: '2',
};

const endTransaction = (client: unknown) =>
  (client as { query(query: { text: string }): Promise<void> })
    .query({ text: 'ROLLBACK' })
    .then(() => 'ended');

async function outcomeOf(transaction: Promise<unknown> | undefined): Promise<unknown> {
  return transaction?.catch((error: unknown) => {
    const { code, message } = error as Error & { code: string };
    return { code, message };
  });
}

/** Times and fencing tokens differ from run to run. */
function withoutTimes(entry: object | undefined): unknown {
  const { dueAt, finishedAt, fencingToken, ...rest } = entry as Record<string, unknown>;
  return { ...rest, types: [typeof dueAt, typeof finishedAt, typeof fencingToken] };
}

const isNear = (time: number | null | undefined, fromNowMs: number): boolean =>
  typeof time === 'number' && Math.abs(time - Date.now() - fromNowMs) < 20_000;
