import type { Claim } from '@novita-webhooks/core';
import { createTestEntry } from '@novita-webhooks/testing';
import {
  postgresStore,
  type PostgresQuery,
  type PostgresResult,
} from '@novita-webhooks/inbox-postgres';
import { setTimeout as pause } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';

import { openStoreFixture, type StoreFixture } from './support/store-fixture.ts';
import { openPool, url } from './support/test-database.ts';

const LEASE_MS = 30_000;

describe.skipIf(url === undefined)('context.transaction on PostgreSQL', () => {
  let fixture: StoreFixture;
  let claim: Claim;

  beforeAll(async () => {
    fixture = await openStoreFixture();
    await fixture.query(
      'CREATE TABLE SCHEMA.ledger (line text UNIQUE DEFERRABLE INITIALLY DEFERRED)',
    );
  });
  afterAll(() => fixture.close());
  beforeEach(async () => {
    await fixture.query('DELETE FROM SCHEMA.ledger');
    await fixture.store.add(createTestEntry());
    const [claimed] = await fixture.store.claim('novita', 1, LEASE_MS);
    if (claimed === undefined) throw new Error('no entry was claimed');
    claim = claimed;
  });

  const lines = async () =>
    (await fixture.query<{ line: string }>('SELECT line FROM SCHEMA.ledger')).map(
      ({ line }) => line,
    );
  const succeeded = async () => (await fixture.store.get(claim))?.succeededHandlers;
  const write = (client: PoolClient, line: string) =>
    client.query(`INSERT INTO ${fixture.schema}.ledger VALUES ($1)`, [line]);
  const transact = <T>(work: (client: PoolClient) => Promise<T>, store = fixture.store) => {
    if (store.transaction === undefined) throw new Error('the store has no transactions');
    return store.transaction(claim, 'one', work);
  };
  const expectNothingWritten = async () => {
    expect(await lines()).toEqual([]);
    expect(await succeeded()).toEqual([]);
  };

  test('does not block heartbeats of its entry', async () => {
    const peer = fixture.openPeer();
    await transact(async (client) => {
      await write(client, 'one');
      expect(await fixture.store.extend(claim, LEASE_MS)).toBe(true);
      expect(await peer.extend(claim, LEASE_MS)).toBe(true);
    });
    expect(await lines()).toEqual(['one']);
  });

  test('leaves connections for heartbeats and deliveries', async () => {
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    let started = 0;
    const transactions = Array.from({ length: 15 }, () =>
      transact(async () => {
        started += 1;
        await finished;
      }),
    );
    await vi.waitUntil(() => started === 7, { timeout: 30_000 });
    for (let beat = 0; beat < 5; beat += 1) {
      expect(await fixture.store.extend(claim, LEASE_MS)).toBe(true);
      expect(await fixture.store.add(createTestEntry({ endpoint: 'other' }))).toBe('added');
    }
    const startedBeside = started;
    finish();
    expect(startedBeside).toBe(7);
    await Promise.all(transactions);
    expect(started).toBe(15);
  });

  test('writes nothing if another worker claims the entry before the commit', async () => {
    const transacting = transact(async (client) => {
      await write(client, 'one');
      const [id] = claim.fencingToken.split('.');
      await fixture.query(
        `UPDATE SCHEMA.pending_entries
         SET due_at = now() - interval '1 hour', is_overdue = true WHERE id = ${id}`,
      );
      const [taken] = await fixture.store.claim('novita', 10, LEASE_MS);
      expect(taken?.taskId).toBe(claim.taskId);
    });
    await expect(transacting).rejects.toMatchObject({ code: 'lease_lost' });
    await expectNothingWritten();
  });

  test('writes nothing if its function ignores a failed statement', async () => {
    const transacting = transact(async (client) => {
      await write(client, 'one');
      await client.query('SELECT 1 / 0').catch(() => undefined);
    });
    await expect(transacting).rejects.toMatchObject({ code: 'handler_failed' });
    await expectNothingWritten();
  });

  test('writes nothing if a statement fails that its function did not await', async () => {
    const transacting = transact(async (client) => {
      await write(client, 'one');
      client.query('SELECT 1 / 0').catch(() => undefined);
    });
    await expect(transacting).rejects.toMatchObject({ code: 'handler_failed' });
    await expectNothingWritten();
  });

  test.each(['COMMIT', 'ROLLBACK', 'COMMIT; BEGIN', 'ROLLBACK AND CHAIN'])(
    'rejects with a permanent error if its function runs %s',
    async (end) => {
      const transacting = transact(async (client) => {
        await client.query(end);
      });
      await expect(transacting).rejects.toMatchObject({ code: 'permanent' });
      expect(await succeeded()).toEqual([]);
    },
  );

  test('rejects with the error of a deferred constraint at the commit', async () => {
    const transacting = transact(async (client) => {
      await write(client, 'twice');
      await write(client, 'twice');
    });
    await expect(transacting).rejects.toMatchObject({ cause: { code: '23505' } });
    await expectNothingWritten();
  });

  test('allows savepoints and another isolation level', async () => {
    await transact(async (client) => {
      await client.query('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE');
      await client.query('SAVEPOINT here');
      await client.query('SELECT 1 / 0').catch(() => undefined);
      await client.query('ROLLBACK TO SAVEPOINT here');
      await write(client, 'one');
    });
    expect(await lines()).toEqual(['one']);
    expect(await succeeded()).toEqual(['one']);
  });

  test('writes nothing and keeps the pool usable if its connection breaks', async () => {
    const transacting = transact(async (client) => {
      await write(client, 'one');
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await fixture.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
      await write(client, 'two');
    });
    await expect(transacting).rejects.toThrow();
    await expectNothingWritten();
    await transact((client) => write(client, 'retry'));
    expect(await lines()).toEqual(['retry']);
    await vi.waitUntil(() => fixture.pool.totalCount === fixture.pool.idleCount, {
      timeout: 30_000,
    });
  });

  test('rejects after transactionTimeoutMs and revokes its client', async () => {
    const store = fixture.openPeer({ transactionTimeoutMs: 50 });
    let working: Promise<never> | undefined;
    const transacting = transact((client) => {
      working = (async () => {
        await write(client, 'one');
        for (;;) await client.query('SELECT pg_sleep(0.01)');
      })();
      return working;
    }, store);
    await expect(transacting).rejects.toThrow('took longer than 50 ms');
    await expect(working).rejects.toThrow();
    await expectNothingWritten();
  });

  test('sets a timeout at the server for a client that vanishes', async () => {
    const setting = await transact(async (client) => {
      const { rows } = await client.query<Record<string, string>>(
        'SHOW idle_in_transaction_session_timeout',
      );
      return rows[0]?.['idle_in_transaction_session_timeout'];
    });
    expect(setting).toBe('65s');
    const afterwards = await fixture.pool.query<Record<string, string>>(
      'SHOW idle_in_transaction_session_timeout',
    );
    expect(Object.values(afterwards.rows[0] ?? {})).toEqual(['0']);
  });

  test('ignores release() on its client', async () => {
    const entry = createTestEntry({ endpoint: 'beside' });
    const transacting = transact(async (client) => {
      await write(client, 'one');
      client.release();
      expect(await fixture.store.add(entry)).toBe('added');
      throw new Error('failed');
    });
    await expect(transacting).rejects.toThrow('failed');
    expect(await fixture.store.get(entry)).toBeDefined();
    await expectNothingWritten();
  });

  test('rejects a late statement after its function has failed', async () => {
    let late: Promise<unknown> | undefined;
    const transacting = transact((client) => {
      late = pause(50).then(() => write(client, 'late'));
      return Promise.reject(new Error('failed'));
    });
    await expect(transacting).rejects.toThrow('failed');
    await expect(late).rejects.toThrow('context.transaction has ended');
    await expectNothingWritten();
  });

  test('add uses no connection with an open transaction of the application', async () => {
    const own = openPool({ max: 1 });
    const store = postgresStore({ pool: own, schema: fixture.schema });
    const careless = await own.connect();
    await careless.query('BEGIN');
    careless.release();
    const entry = createTestEntry({ endpoint: 'beside' });
    expect(await store.add(entry)).toBe('added');
    expect(await fixture.store.get(entry)).toBeDefined();
    await store.close();
    await own.end();
  });

  test('writes fail on a connection that an adapter released too early', async () => {
    const own = openPool({ max: 1 });
    const client = await own.connect();
    const pool = {
      connect: async () => ({
        query: ({ text, values }: PostgresQuery) => client.query(text, values),
        release: () => undefined, // does not close it
      }),
    };
    const store = postgresStore({ pool, schema: fixture.schema, transactionTimeoutMs: 50 });
    const transacting = store.transaction?.(claim, 'one', () => pause(200));
    await expect(transacting).rejects.toThrow('took longer');
    const advice = { message: expect.stringContaining('released to the pool') as string };
    await expect(store.add(createTestEntry())).rejects.toMatchObject(advice);
    await expect(store.settle(claim, { type: 'done' })).rejects.toMatchObject(advice);
    await expect(store.extend(claim, LEASE_MS)).rejects.toMatchObject(advice);
    client.release(true);
    await own.end();
  });

  test('records no success if the driver does not return the command', async () => {
    const own = openPool({ max: 1 });
    const pool = {
      async connect() {
        const client = await own.connect();
        return {
          query: async ({ text, values }: PostgresQuery) =>
            ({
              rows: (await client.query<object>(text, values)).rows,
            }) as unknown as PostgresResult,
          release: (error?: Error) => client.release(error),
        };
      },
    };
    const store = postgresStore({ pool, schema: fixture.schema });
    const transacting = store.transaction?.(claim, 'one', () => undefined);
    await expect(transacting).rejects.toMatchObject({ code: 'handler_failed' });
    await store.close();
    await own.end();
  });

  test('is aborted by close if its function does not end', async () => {
    const store = fixture.openPeer({ queryTimeoutMs: 200 });
    const transacting = transact(async (client) => {
      await write(client, 'one');
      await new Promise(() => undefined);
    }, store);
    const ended = expect(transacting).rejects.toMatchObject({ code: 'closing' });
    await pause(100);
    await store.close();
    await ended;
    await expectNothingWritten();
  });

  test('heartbeats do not wait for other statements, from a pool of three on', async () => {
    for (const max of [3, 4, 10]) {
      const own = openPool({ max });
      const store = postgresStore({ pool: own, schema: fixture.schema, queryTimeoutMs: 2000 });
      await store.stats();
      const unsubscribe = store.subscribe?.('novita', () => undefined);
      const locking = await fixture.pool.connect();
      await locking.query(`BEGIN; LOCK TABLE ${fixture.schema}.events IN SHARE MODE`);
      const hanging = Array.from({ length: 20 }, () => [
        store.add(createTestEntry()),
        store.add(createTestEntry()),
        store.discardEntries([{ endpoint: 'novita', taskId: claim.taskId }]),
        store.transaction?.(claim, 'one', () => pause(1000)),
      ]).flat();
      const settled = Promise.allSettled(hanging.map(async (one) => one));
      await pause(100);
      let hasOneEnded = false;
      const end = () => void (hasOneEnded = true);
      for (const one of hanging) void Promise.resolve(one).then(end, end);
      expect(await store.extend(claim, LEASE_MS)).toBe(true);
      expect(hasOneEnded, 'extend waited for another operation').toBe(false);
      await locking.query('ROLLBACK');
      locking.release();
      unsubscribe?.();
      await store.close();
      await settled;
      await own.end();
    }
  }, 30_000);
});
