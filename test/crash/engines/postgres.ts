import { randomBytes } from 'node:crypto';

import type { HandlerContext, NewEntry } from '@novita-webhooks/core';
import { postgresInbox, postgresStore, type PostgresClient } from '@novita-webhooks/inbox-postgres';
import { Pool } from 'pg';

import type { Engine, Ledger, OpenOptions } from '../engine.ts';
import { KILL_POINT_NAMES } from '../kill-points.ts';
import { watchPool } from './watched-pool.ts';

/** The server. Each series has a schema of its own. */
const connectionString =
  process.env['DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';

export const postgres: Engine = {
  killPoints: KILL_POINT_NAMES,
  shared: true,
  steadyTime: false,
  async createPlace() {
    const schema = `crash_${randomBytes(6).toString('hex')}`;
    return {
      location: schema,
      remove: () =>
        withPool(async (pool) => {
          await pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
        }),
    };
  },
  async open(schema, options) {
    const queryTimeoutMs = 30_000; // the final check requests thousands of entries at once
    const { watched, reach, leaseDurationMs, pollIntervalMs, cleanupIntervalMs, retention } =
      options;
    const pool = openPool();
    const inboxPool = watched ? watchPool(pool, reach) : pool;
    const inbox = postgresInbox({
      pool: inboxPool,
      schema,
      queryTimeoutMs,
      leaseDurationMs,
      pollIntervalMs,
      cleanupIntervalMs,
      retention,
    });
    await inbox.stats(); // the first use migrates the schema
    return {
      inbox: { ...inbox, close: () => inbox.close().then(() => pool.end()) },
      ledger: await openLedger(pool, schema, reach),
      addOld: (count) => addOld(pool, schema, count),
    };
  },
};

function openPool(): Pool {
  const pool = new Pool({ connectionString, max: 8 });
  pool.on('error', () => undefined);
  return pool;
}

async function withPool<T>(work: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = openPool();
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

/** Opens the ledger. Its table is in the same schema, and is dropped with it. */
async function openLedger(
  pool: Pool,
  schema: string,
  reach: OpenOptions['reach'],
): Promise<Ledger> {
  await pool.query(`
    SELECT pg_advisory_xact_lock(hashtext('${schema}'));
    CREATE TABLE IF NOT EXISTS ${schema}.crash_ledger (task_id text, process text)`);
  return {
    write: ({ transaction, taskId }: HandlerContext, processName) =>
      transaction(async (tx) => {
        reach('transaction');
        const text = `INSERT INTO ${schema}.crash_ledger VALUES ($1, $2)`;
        await (tx as PostgresClient).query({ text, values: [taskId, processName] });
        reach('transaction');
      }),
    async count() {
      const { rows } = await pool.query<{ task_id: string; entries: number }>(
        `SELECT task_id, count(*)::integer AS entries FROM ${schema}.crash_ledger GROUP BY task_id`,
      );
      return Object.fromEntries(rows.map(({ task_id, entries }) => [task_id, entries]));
    },
  };
}

const LEASE_MS = 60_000;
const OLD_ENDPOINT = 'old';

/** Adds done entries through the store, then moves their `finished_at` into the past. */
async function addOld(pool: Pool, schema: string, count: number): Promise<void> {
  const store = postgresStore({ pool, schema, listen: false });
  const common = {
    ...{ endpoint: OLD_ENDPOINT, status: '', taskType: '', body: '{}', schemaError: null },
    ...{ metadata: {}, source: 'delivery', traceparent: null, tokenId: null },
  } satisfies Omit<NewEntry, 'taskId' | 'testMode' | 'receivedAt'>;
  const ids = Array.from({ length: count }, () => `${OLD_ENDPOINT}-${crypto.randomUUID()}`);
  await Promise.all(
    ids.map(async (taskId) =>
      store.add({ ...common, taskId, testMode: false, receivedAt: Date.now() }),
    ),
  );
  const claims = await store.claim(OLD_ENDPOINT, count, LEASE_MS);
  await Promise.all(claims.map(async (claim) => store.settle(claim, { type: 'done' })));
  await pool.query(`
    UPDATE ${schema}.finished_entries SET finished_at = finished_at - interval '10 days'
    FROM ${schema}.events
    WHERE events.id = finished_entries.id AND events.endpoint = '${OLD_ENDPOINT}'`);
  await store.close();
}
