import {
  createManualClock,
  inboxContract,
  runCase,
  storeContract,
  type InboxSubject,
  type StoreSubject,
} from '@novita-webhooks/core/testing';
import { postgresInbox, postgresStore, type PostgresClient } from '@novita-webhooks/inbox-postgres';
import { afterAll, describe, test } from 'vitest';

import { dropSchema, openClockedPool, uniqueName, url } from './support/test-database.ts';

const LEASE_MS = 30_000;
const RETENTION = { doneMs: 2000, deadMs: 4000 };

describe.skipIf(url === undefined)('PostgreSQL', async () => {
  if (url === undefined) return;
  const clocked = await openClockedPool();
  const schemas: string[] = [];

  afterAll(async () => {
    for (const schema of schemas) await dropSchema(clocked.pool, schema);
    await clocked.close();
  });

  function newSchema(): string {
    const schema = uniqueName('test_contract');
    schemas.push(schema);
    return schema;
  }

  async function openStore(): Promise<StoreSubject> {
    const schema = newSchema();
    const clock = createManualClock();
    const store = postgresStore({ pool: clocked.at(clock), schema });
    await store.stats(); // so that there is a schema
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
    return { store, ledger, advance: (ms) => clock.advance(ms) };
  }

  function openInbox(): InboxSubject {
    const clock = createManualClock();
    const schema = newSchema();
    const tables = { pool: clocked.at(clock), schema };
    const settings = { leaseMs: LEASE_MS, purgeMs: 500, retention: RETENTION };
    const open = () => postgresInbox({ ...tables, ...settings, clock });
    // Entries go by the clock of all, its own timers by one that stands still.
    const openSleeper = () => postgresInbox({ ...tables, clock: createManualClock() });
    const inbox = open();
    const advance = async (ms: number) => {
      await clock.advance(ms);
      // The server takes real time: it has answered what was asked before when it answers this.
      await inbox.discard({ endpoint: 'nobody', taskId: 'nothing' });
      await clock.flush();
    };
    const loseLeases = async () => {
      await clocked.pool.query(`UPDATE ${schema}.work SET fence = 'of somebody else'`);
    };
    return {
      inbox,
      advance,
      leaseMs: LEASE_MS,
      retention: RETENTION,
      loseLeases,
      openPeer: open,
      openSleeper,
    };
  }

  describe('the store contract, by the PostgreSQL store', () => {
    for (const contractCase of storeContract) {
      test(contractCase.name, ({ skip }) =>
        runCase(contractCase, openStore, ({ store }) => store.close(), skip),
      );
    }
  });

  describe('the inbox contract, by the PostgreSQL inbox', () => {
    for (const contractCase of inboxContract) {
      test(contractCase.name, ({ skip }) =>
        runCase(contractCase, openInbox, ({ inbox }) => inbox.close(), skip),
      );
    }
  });
});
