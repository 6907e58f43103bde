import { createTestEntry } from '@novita-webhooks/testing';
import { postgresStore, type PostgresQuery } from '@novita-webhooks/inbox-postgres';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { openScene, type Scene } from './support/store-fixture.ts';
import { url } from './support/test-database.ts';

const LEASE_MS = 30_000;
const DEAD = { type: 'dead', reason: 'no use', succeededHandlers: [] } as const;

describe.skipIf(url === undefined)('the operations of the PostgreSQL store', () => {
  let scene: Scene;

  beforeEach(async () => {
    scene = await openScene();
  });
  afterEach(() => scene.close());

  test('pages go on through what was there, whatever commits late', async () => {
    const { store, pool } = scene;
    const late = await pool.connect();
    await late.query('BEGIN');
    const insert = `
      INSERT INTO ${scene.schema}.events (endpoint, task_id, status, body, metadata, test_mode, received_at)
      VALUES ('novita', 'late', '', '{}', '{}', false, now()) RETURNING id`;
    const before = [createTestEntry(), createTestEntry(), createTestEntry()];
    for (const entry of before) await store.add(entry);
    const { rows } = await late.query<{ id: string }>(insert);
    const after = [createTestEntry(), createTestEntry(), createTestEntry()];
    for (const entry of after) await store.add(entry);
    const first = await store.list({ limit: 2 });
    await late.query(`INSERT INTO ${scene.schema}.pending_entries (id, endpoint, due_at) VALUES ($1, 'novita', now())`, [rows[0]?.id]); // prettier-ignore
    await late.query('COMMIT');
    late.release();
    const second = await store.list({ limit: 10, cursor: first.cursor ?? undefined });
    const seen = [...first.entries, ...second.entries].map(({ taskId }) => taskId);
    const known = [...before, ...after].map(({ taskId }) => taskId).reverse();
    expect(seen.filter((taskId) => taskId !== 'late')).toEqual(known);
    expect(seen).toContain('late'); // in its place, since it was not passed yet
    expect(second.cursor).toBeNull();
  });

  test('counts are true at every moment, also after rows were deleted by hand', async () => {
    const { store } = scene;
    const peer = scene.openPeer();
    const total = async () => {
      const { pending, running, done, dead } = await peer.stats();
      return pending + running + done + dead;
    };
    await Promise.all(Array.from({ length: 100 }, () => store.add(createTestEntry())));
    const totals: number[] = [];
    const over = new AbortController();
    const isOver = () => over.signal.aborted;
    const counting = (async () => {
      while (!isOver()) totals.push(await total());
    })();
    for (let claims = await store.claim('novita', 30, LEASE_MS); claims.length > 0;) {
      await Promise.all(claims.map((claim, index) => store.settle(claim, index % 3 === 0 ? DEAD : { type: 'done' }))); // prettier-ignore
      claims = await store.claim('novita', 30, LEASE_MS);
    }
    over.abort();
    await counting;
    expect(new Set(totals)).toEqual(new Set([100]));
    const { done, dead } = await store.stats();
    expect([done, dead]).toEqual([66, 34]);
    await scene.query("DELETE FROM SCHEMA.finished_entries WHERE state = 'dead'");
    await store.add(createTestEntry());
    await scene.query('TRUNCATE SCHEMA.pending_entries');
    expect(await store.stats()).toEqual({ pending: 0, running: 0, done: 66, dead: 0, lagMs: 0 });
  });

  test('several purge at the same time, and each entry goes once', async () => {
    const { store } = scene;
    await Promise.all(Array.from({ length: 1500 }, () => store.add(createTestEntry())));
    const claims = await store.claim('novita', 1500, LEASE_MS);
    await Promise.all(claims.map((claim) => store.settle(claim, { type: 'done' })));
    await scene.query(
      "UPDATE SCHEMA.finished_entries SET finished_at = finished_at - interval '1 day'",
    );
    const retention = { doneMs: 1000, deadMs: 1000 };
    const stores = [store, scene.openPeer(), scene.openPeer()];
    const purged = await Promise.all(stores.map((each) => each.deleteExpired(retention)));
    const more = await store.deleteExpired(retention); // what others held at that moment
    expect(purged.reduce((sum, count) => sum + count, more)).toBe(1500);
    expect(await scene.query('SELECT FROM SCHEMA.events')).toEqual([]);
    expect((await store.stats()).done).toBe(0);
  });

  test('the lag is that of the endpoint that is behind most', async () => {
    const { store } = scene;
    for (const endpoint of ['a', 'b', 'c']) await store.add(createTestEntry({ endpoint }));
    await scene.query(
      "UPDATE SCHEMA.pending_entries SET due_at = now() + interval '1 hour' WHERE endpoint <> 'b'",
    );
    await scene.query(
      "UPDATE SCHEMA.pending_entries SET due_at = now() - interval '1 hour' WHERE endpoint = 'b'",
    );
    const { lagMs } = await store.stats();
    expect(lagMs).toBeGreaterThanOrEqual(3_600_000);
    expect(lagMs).toBeLessThan(3_660_000);
  });

  test('claims of many at once share out what there is, and wait for nobody', async () => {
    const stores = [scene.store, scene.openPeer(), scene.openPeer()];
    await Promise.all(Array.from({ length: 200 }, () => scene.store.add(createTestEntry())));
    const locking = await scene.pool.connect();
    await locking.query('BEGIN');
    await locking.query(
      `SELECT id FROM ${scene.schema}.pending_entries ORDER BY id LIMIT 50 FOR UPDATE`,
    );
    const claims = await Promise.all(
      [...stores, ...stores, ...stores, ...stores].map((each) =>
        each.claim('novita', 20, LEASE_MS),
      ),
    );
    await locking.query('ROLLBACK');
    locking.release();
    const taken = claims.flat().map((claim) => claim.taskId);
    expect(new Set(taken).size).toBe(taken.length);
    const rest = await scene.store.claim('novita', 200, LEASE_MS);
    expect(taken.length + rest.length).toBe(200);
    expect(taken.length).toBeGreaterThanOrEqual(100);
    expect(taken.length).toBeLessThanOrEqual(150);
  });

  test('a claim of which nobody hears leases nothing, and spends no attempt', async () => {
    const { store, pool, schema } = scene;
    const entry = createTestEntry();
    await store.add(entry);
    const deaf = postgresStore({
      schema,
      queryTimeoutMs: 200,
      pool: {
        async connect() {
          const client = await pool.connect();
          return {
            async query({ text, values }: PostgresQuery) {
              const result = await client.query(text, values);
              if (text.includes('.claim(')) await pause(400);
              return result;
            },
            release: (error?: Error) => client.release(error),
          };
        },
      },
    });
    await expect(deaf.claim('novita', 1, LEASE_MS)).rejects.toThrow('did not answer in time');
    await expect.poll(() => store.claim('novita', 1, LEASE_MS)).toMatchObject([{ attempts: 1 }]);
    await deaf.close();
  });

  test('adds that nobody answers are refused in time, and not kept in memory', async () => {
    const hanging = { query: () => new Promise<never>(() => undefined), release: () => undefined };
    let hangs = false;
    const pool = { connect: async () => (hangs ? hanging : scene.pool.connect()) };
    const store = postgresStore({ pool, schema: scene.schema, queryTimeoutMs: 200 });
    await store.stats();
    hangs = true;
    const beganAt = performance.now();
    const body = 'x'.repeat(1024 * 1024);
    const adding = Array.from({ length: 100 }, () => store.add(createTestEntry({ body })));
    const codes = (await Promise.allSettled(adding)).map((one) =>
      one.status === 'rejected' ? (one.reason as { code: string }).code : one.value,
    );
    expect(performance.now() - beganAt).toBeLessThan(1000);
    expect(codes.filter((code) => code === 'inbox_full').length).toBeGreaterThan(20);
    expect(codes.filter((code) => code === 'inbox_unavailable').length).toBeGreaterThan(50);
    await store.close();
  });

  test('closing waits for one batch of a purge, and leaves the rest to the next one', async () => {
    const store = scene.openPeer();
    await scene.query(`
      INSERT INTO SCHEMA.events (endpoint, task_id, status, body, metadata, test_mode, received_at)
      SELECT 'novita', 'done-' || n, '', '{}', '{}', false, now() FROM generate_series(1, 20000) AS n`);
    await scene.query(`
      INSERT INTO SCHEMA.finished_entries
      SELECT id, 'done', 1, '{}', NULL, now() - interval '1 hour' FROM SCHEMA.events`);
    const purging = store.deleteExpired({ doneMs: 1, deadMs: 1 });
    await pause(50);
    await store.close();
    expect(await purging).toBeLessThan(10_000);
  });
});
