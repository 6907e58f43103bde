import type { Claim } from '@novita-webhooks/core';
import { createTestEntry } from '@novita-webhooks/testing';
import {
  postgresStore,
  type PostgresQuery,
  type PostgresResult,
} from '@novita-webhooks/inbox-postgres';
import { setTimeout as pause } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { openScene, type Scene } from './support/store-fixture.ts';
import { openPool, url } from './support/test-database.ts';

const LEASE_MS = 30_000;

describe.skipIf(url === undefined)('transactions of handlers in PostgreSQL', () => {
  let scene: Scene;
  let claim: Claim;

  beforeAll(async () => {
    scene = await openScene();
    await scene.query(
      'CREATE TABLE SCHEMA.ledger (line text UNIQUE DEFERRABLE INITIALLY DEFERRED)',
    );
  });
  afterAll(() => scene.close());
  beforeEach(async () => {
    await scene.query('DELETE FROM SCHEMA.ledger');
    await scene.store.add(createTestEntry());
    const [claimed] = await scene.store.claim('novita', 1, LEASE_MS);
    if (claimed === undefined) throw new Error('there is nothing to claim');
    claim = claimed;
  });

  const lines = async () =>
    (await scene.query<{ line: string }>('SELECT line FROM SCHEMA.ledger')).map(({ line }) => line);
  const handled = async () => (await scene.store.get(claim))?.succeededHandlers;
  const write = (client: PoolClient, line: string) =>
    client.query(`INSERT INTO ${scene.schema}.ledger VALUES ($1)`, [line]);
  const transact = <T>(work: (client: PoolClient) => Promise<T>, store = scene.store) => {
    if (store.transaction === undefined) throw new Error('there are no transactions');
    return store.transaction(claim, 'one', work);
  };
  const expectNothingKept = async () => {
    expect(await lines()).toEqual([]);
    expect(await handled()).toEqual([]);
  };

  test('heartbeats of the same entry get through while one is open', async () => {
    const peer = scene.openPeer();
    await transact(async (client) => {
      await write(client, 'one');
      expect(await scene.store.extend(claim, LEASE_MS)).toBe(true);
      expect(await peer.extend(claim, LEASE_MS)).toBe(true);
    });
    expect(await lines()).toEqual(['one']);
  });

  test('as many as there may be leave room for heartbeats and deliveries', async () => {
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    let begun = 0;
    const transacting = Array.from({ length: 15 }, () =>
      transact(async () => {
        begun += 1;
        await finished;
      }),
    );
    for (let beat = 0; beat < 5; beat += 1) {
      expect(await scene.store.extend(claim, LEASE_MS)).toBe(true);
      expect(await scene.store.add(createTestEntry({ endpoint: 'other' }))).toBe('added');
    }
    expect(begun).toBe(7);
    finish();
    await Promise.all(transacting);
    expect(begun).toBe(15);
  });

  test('one whose lease is taken over before its commit leaves nothing', async () => {
    const transacting = transact(async (client) => {
      await write(client, 'one');
      await scene.query("UPDATE SCHEMA.pending_entries SET due_at = now() - interval '1 second'");
      expect(await scene.store.claim('novita', 10, LEASE_MS)).not.toEqual([]);
    });
    await expect(transacting).rejects.toMatchObject({ code: 'lease_lost' });
    await expectNothingKept();
  });

  test('one that goes on after a statement has failed leaves nothing, and says so', async () => {
    const transacting = transact(async (client) => {
      await write(client, 'one');
      await client.query('SELECT 1 / 0').catch(() => undefined);
    });
    await expect(transacting).rejects.toMatchObject({ code: 'handler_failed' });
    await expectNothingKept();
  });

  test('one with a statement that nobody waited for, and that fails, leaves nothing', async () => {
    const transacting = transact(async (client) => {
      await write(client, 'one');
      client.query('SELECT 1 / 0').catch(() => undefined);
    });
    await expect(transacting).rejects.toMatchObject({ code: 'handler_failed' });
    await expectNothingKept();
  });

  test.each(['COMMIT', 'ROLLBACK', 'COMMIT; BEGIN', 'ROLLBACK AND CHAIN'])(
    'one that is ended inside by %s does not count, and is not tried again',
    async (end) => {
      const transacting = transact(async (client) => {
        await client.query(end);
      });
      await expect(transacting).rejects.toMatchObject({ code: 'permanent' });
      expect(await handled()).toEqual([]);
    },
  );

  test('what only the commit finds out is the error', async () => {
    const transacting = transact(async (client) => {
      await write(client, 'twice');
      await write(client, 'twice');
    });
    await expect(transacting).rejects.toMatchObject({ cause: { code: '23505' } });
    await expectNothingKept();
  });

  test('savepoints, and an isolation level of their own, are as ever', async () => {
    await transact(async (client) => {
      await client.query('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE');
      await client.query('SAVEPOINT here');
      await client.query('SELECT 1 / 0').catch(() => undefined);
      await client.query('ROLLBACK TO SAVEPOINT here');
      await write(client, 'one');
    });
    expect(await lines()).toEqual(['one']);
    expect(await handled()).toEqual(['one']);
  });

  test('a connection that breaks leaves nothing, and the pool is as good as before', async () => {
    const transacting = transact(async (client) => {
      await write(client, 'one');
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await scene.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
      await write(client, 'two');
    });
    await expect(transacting).rejects.toThrow();
    await expectNothingKept();
    await transact((client) => write(client, 'retry'));
    expect(await lines()).toEqual(['retry']);
    expect(scene.pool.totalCount).toBe(scene.pool.idleCount);
  });

  test('one that takes too long is ended, and its client is nobody else’s', async () => {
    const store = scene.openPeer({ transactionTimeoutMs: 50 });
    let working: Promise<never> | undefined;
    const transacting = transact((client) => {
      working = (async () => {
        await write(client, 'one');
        for (;;) await client.query('SELECT pg_sleep(0.01)');
      })();
      return working;
    }, store);
    await expect(transacting).rejects.toThrow('took longer than 50 milliseconds');
    await expect(working).rejects.toThrow();
    await expectNothingKept();
  });

  test('the server itself ends one whose client has vanished', async () => {
    const setting = await transact(async (client) => {
      const { rows } = await client.query<Record<string, string>>(
        'SHOW idle_in_transaction_session_timeout',
      );
      return rows[0]?.['idle_in_transaction_session_timeout'];
    });
    expect(setting).toBe('65s');
    const afterwards = await scene.pool.query<Record<string, string>>(
      'SHOW idle_in_transaction_session_timeout',
    );
    expect(Object.values(afterwards.rows[0] ?? {})).toEqual(['0']);
  });

  test('release() within one does nothing: nobody else gets its client', async () => {
    const entry = createTestEntry({ endpoint: 'beside' });
    const transacting = transact(async (client) => {
      await write(client, 'one');
      client.release();
      expect(await scene.store.add(entry)).toBe('added');
      throw new Error('no use');
    });
    await expect(transacting).rejects.toThrow('no use');
    expect(await scene.store.get(entry)).toBeDefined();
    await expectNothingKept();
  });

  test('what its function did not wait for is not written after it has failed', async () => {
    let straggling: Promise<unknown> | undefined;
    const transacting = transact((client) => {
      straggling = pause(50).then(() => write(client, 'straggler'));
      return Promise.reject(new Error('no use'));
    });
    await expect(transacting).rejects.toThrow('no use');
    await expect(straggling).rejects.toThrow('context.transaction is over');
    await expectNothingKept();
  });

  test('no event goes into a transaction that somebody else forgot to end', async () => {
    const own = openPool({ max: 1 });
    const store = postgresStore({ pool: own, schema: scene.schema });
    const forgetful = await own.connect();
    await forgetful.query('BEGIN');
    forgetful.release();
    const entry = createTestEntry({ endpoint: 'beside' });
    expect(await store.add(entry)).toBe('added');
    expect(await scene.store.get(entry)).toBeDefined();
    await store.close();
    await own.end();
  });

  test('nor into one of ours, whatever the adapter does with it', async () => {
    const own = openPool({ max: 1 });
    const client = await own.connect();
    const pool = {
      connect: async () => ({
        query: ({ text, values }: PostgresQuery) => client.query(text, values),
        release: () => undefined, // also when it should be closed
      }),
    };
    const store = postgresStore({ pool, schema: scene.schema, transactionTimeoutMs: 50 });
    const transacting = store.transaction?.(claim, 'one', () => pause(200));
    await expect(transacting).rejects.toThrow('took longer');
    const advice = { message: expect.stringContaining('given back to the pool') as string };
    await expect(store.add(createTestEntry())).rejects.toMatchObject(advice);
    await expect(store.settle(claim, { type: 'done' })).rejects.toMatchObject(advice);
    await expect(store.extend(claim, LEASE_MS)).rejects.toMatchObject(advice);
    client.release(true);
    await own.end();
  });

  test('no success is recorded where the driver does not say that it was committed', async () => {
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
    const store = postgresStore({ pool, schema: scene.schema });
    const transacting = store.transaction?.(claim, 'one', () => undefined);
    await expect(transacting).rejects.toMatchObject({ code: 'handler_failed' });
    await store.close();
    await own.end();
  });

  test('closing ends one whose function does not end', async () => {
    const store = scene.openPeer({ queryTimeoutMs: 200 });
    const transacting = transact(async (client) => {
      await write(client, 'one');
      await new Promise(() => undefined);
    }, store);
    const ended = expect(transacting).rejects.toMatchObject({ code: 'closing' });
    await pause(100);
    await store.close();
    await ended;
    await expectNothingKept();
  });

  test('heartbeats do not wait behind adds and claims that hang, in pools of three and more', async () => {
    for (const max of [3, 4, 10]) {
      const own = openPool({ max });
      const store = postgresStore({ pool: own, schema: scene.schema, queryTimeoutMs: 2000 });
      await store.stats();
      const unsubscribe = store.subscribe?.('novita', () => undefined);
      const locking = await scene.pool.connect();
      await locking.query(`BEGIN; LOCK TABLE ${scene.schema}.events IN SHARE MODE`);
      const hanging = Array.from({ length: 20 }, () => [
        store.add(createTestEntry()),
        store.add(createTestEntry()),
        store.discard({ endpoint: 'novita', taskId: claim.taskId }),
        store.transaction?.(claim, 'one', () => pause(1000)),
      ]).flat();
      const settled = Promise.allSettled(hanging.map(async (one) => one));
      await pause(100);
      const beganAt = performance.now();
      expect(await store.extend(claim, LEASE_MS)).toBe(true);
      expect(performance.now() - beganAt).toBeLessThan(500);
      await locking.query('ROLLBACK');
      locking.release();
      unsubscribe?.();
      await store.close();
      await settled;
      await own.end();
    }
  }, 30_000);
});
