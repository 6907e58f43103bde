import { createTestEntry } from '@novita-webhooks/testing';
import { postgresStore } from '@novita-webhooks/inbox-postgres';
import { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createServerOf, findPrograms, type Server } from './support/server.ts';

const bin = findPrograms();
const EVENTS = 20;

describe.skipIf(bin === undefined)('inbox-postgres with synchronous_commit off', () => {
  let server: Server;

  beforeAll(async () => {
    server = await createServerOf(bin ?? '');
    // A commit that does not wait for the disk reaches it only after this delay.
    await server.query(`ALTER SYSTEM SET wal_writer_delay TO '10s'`);
    await server.query('SELECT pg_reload_conf()');
  }, 60_000);
  afterAll(() => server.remove());

  test('loses no acknowledged event when the server is killed', async () => {
    const pool = new Pool({
      host: '127.0.0.1',
      port: server.port,
      user: 'postgres',
      database: 'postgres',
      max: 1,
    });
    pool.on('error', () => undefined);
    const store = postgresStore({ pool });
    await store.stats(); // creates the schema
    await pool.query('SET synchronous_commit TO off'); // the application, on the shared pool
    for (let n = 0; n < EVENTS; n += 1) {
      expect(await store.add(createTestEntry())).toBe('added');
    }
    await server.end('kill');
    await server.start();
    const rows = await server.query<{ events: number }>(
      'SELECT count(*)::integer AS events FROM novita_webhooks.events',
    );
    expect(rows).toEqual([{ events: EVENTS }]);
    await store.close();
    await pool.end();
  }, 60_000);
});
