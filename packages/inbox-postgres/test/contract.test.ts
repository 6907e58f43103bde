import { pollingInbox, type EntryKey } from '@novita-webhooks/core';
import {
  createManualClock,
  type InboxSubject,
  type ManualClock,
  type StoreSubject,
} from '@novita-webhooks/testing';
import {
  postgresInbox,
  postgresStore,
  type PostgresClient,
  type PostgresPool,
} from '@novita-webhooks/inbox-postgres';
import postgres from 'postgres';
import { afterAll, test } from 'vitest';

import {
  describeInboxContract,
  describeStoreContract,
} from '../../../test/support/describe-contract.ts';
import { forkProgram } from '../../../test/support/fork-program.ts';
import { toPool } from './support/postgres-js.ts';
import { TYPE_PARSERS } from './support/type-parsers.ts';
import {
  dropSchema,
  openClockedPool,
  uniqueName,
  url,
  withTime,
  type ClockedPool,
} from './support/test-database.ts';

const LEASE_MS = 30_000;
const RETENTION = { doneMs: 2000, deadMs: 4000 };

if (url === undefined) test.skip('postgresStore', () => undefined);
else await describePostgres(url);

async function describePostgres(connectionString: string): Promise<void> {
  const clocked = await openClockedPool();
  const parsed = await openClockedPool({ types: TYPE_PARSERS.bigint });
  const sql = postgres(connectionString, {
    max: 5,
    connection: { search_path: `${clocked.schema},pg_catalog` },
    onnotice: () => undefined,
  });
  afterAll(async () => {
    await sql.end();
    await clocked.close();
    await parsed.close();
  });

  describeStoreContract('PostgreSQL store', () => openStore(clocked, clocked.at));
  describeInboxContract('PostgreSQL inbox', () => openInbox(clocked));
  describeStoreContract('PostgreSQL store on a pool with other type parsers', () =>
    openStore(parsed, parsed.at),
  );
  describeStoreContract('PostgreSQL store on postgres.js', () =>
    openStore(clocked, (clock) => withTime(toPool(sql), clock)),
  );
}

async function openStore(clocked: ClockedPool, poolAt: (clock: ManualClock) => PostgresPool) {
  const schema = uniqueName('test_contract');
  const clock = createManualClock();
  const store = postgresStore({ pool: poolAt(clock), schema });
  await store.stats(); // the first use creates the schema
  await clocked.pool.query(`CREATE TABLE ${schema}.ledger (id serial, line text)`);
  const ledger = {
    async write(tx: unknown, line: string) {
      const text = `INSERT INTO ${schema}.ledger (line) VALUES ($1)`;
      await (tx as PostgresClient).query({ text, values: [line] });
    },
    async read() {
      const text = `SELECT line FROM ${schema}.ledger ORDER BY id`;
      const { rows } = await clocked.pool.query<{ line: string }>(text);
      return rows.map(({ line }) => line);
    },
  };
  const execute =
    (table: string, change: string) =>
    async ({ taskId, endpoint }: EntryKey) => {
      const ofKey = `SELECT id FROM ${schema}.events WHERE task_id = $1 AND endpoint = $2`;
      const text = `UPDATE ${schema}.${table} SET ${change} WHERE id = (${ofKey})`;
      await clocked.pool.query(text, [taskId, endpoint]);
    };
  const damage = {
    metadata: execute('events', `metadata = '{"order'`),
    'metadata that is no object': execute('events', "metadata = '7'"),
    'time of arrival': execute('events', "received_at = 'infinity'"),
    'succeeded handlers': execute('pending_entries', "succeeded_handlers = '{NULL}'"),
    'partial replay': execute('pending_entries', "partial_replay = '[]'"),
  };
  const subject: StoreSubject = { store, ledger, damage, advance: (ms) => clock.advance(ms) };
  return { subject, close: () => store.close().then(() => dropSchema(clocked.pool, schema)) };
}

function openInbox(clocked: ClockedPool) {
  const clock = createManualClock();
  const schema = uniqueName('test_contract');
  const tables = { pool: clocked.at(clock), schema };
  const settings = { leaseDurationMs: LEASE_MS, cleanupIntervalMs: 500, retention: RETENTION };
  const open = () => postgresInbox({ ...tables, ...settings, clock });
  // Its store uses the shared clock, its timers use a clock that never advances.
  const openSleeper = () => pollingInbox(postgresStore(tables), { clock: createManualClock() });
  const inbox = open();
  const advance = async (ms: number) => {
    await clock.advance(ms);
    // The server takes real time. Once it answers this, it has answered all earlier statements.
    await inbox.discard({ endpoint: 'none', taskId: 'none' });
    await clock.flush();
  };
  const loseLeases = async () => {
    await clocked.pool.query(`UPDATE ${schema}.pending_entries SET fencing_token = 'other-worker'`);
  };
  const subject: InboxSubject = {
    inbox,
    advance,
    leaseDurationMs: LEASE_MS,
    retention: RETENTION,
    loseLeases,
    openPeer: open,
    openSleeper,
    jump: clock.jump,
    startProcess: () =>
      forkProgram(new URL('support/contract-process.ts', import.meta.url), [url ?? '', schema]),
  };
  return { subject, close: () => inbox.close().then(() => dropSchema(clocked.pool, schema)) };
}
