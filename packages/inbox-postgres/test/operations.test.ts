import { createTestEntry } from '@novita-webhooks/testing';
import { postgresStore, type PostgresQuery } from '@novita-webhooks/inbox-postgres';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { insertEvents, openStoreFixture, type StoreFixture } from './support/store-fixture.ts';
import { url } from './support/test-database.ts';

const LEASE_MS = 30_000;
const DEAD = { type: 'dead', reason: 'failed', succeededHandlers: [] } as const;

describe.skipIf(url === undefined)('postgresStore', () => {
  let fixture: StoreFixture;

  beforeEach(async () => {
    fixture = await openStoreFixture();
  });
  afterEach(() => fixture.close());

  test('list skips and repeats nothing when a transaction commits late', async () => {
    const { store, pool } = fixture;
    const late = await pool.connect();
    await late.query('BEGIN');
    const insert = insertEvents("'late'").replace('SCHEMA', fixture.schema);
    const before = [createTestEntry(), createTestEntry(), createTestEntry()];
    for (const entry of before) await store.add(entry);
    const { rows } = await late.query<{ id: string }>(insert);
    const after = [createTestEntry(), createTestEntry(), createTestEntry()];
    for (const entry of after) await store.add(entry);
    const first = await store.list({ limit: 2 });
    await late.query(`INSERT INTO ${fixture.schema}.pending_entries (id, endpoint, due_at) VALUES ($1, 'novita', now())`, [rows[0]?.id]); // prettier-ignore
    await late.query('COMMIT');
    late.release();
    const second = await store.list({ limit: 10, cursor: first.cursor ?? undefined });
    const seen = [...first.entries, ...second.entries].map(({ taskId }) => taskId);
    const known = [...before, ...after].map(({ taskId }) => taskId).reverse();
    expect(seen.filter((taskId) => taskId !== 'late')).toEqual(known);
    expect(seen).toContain('late'); // its id is below the cursor
    expect(second.cursor).toBeNull();
  });

  test('due times: infinity is refused; the first and the last time of PostgreSQL do no harm', async () => {
    const { store, query } = fixture;
    const [first, last, other] = [createTestEntry(), createTestEntry(), createTestEntry()];
    for (const entry of [last, other, first]) await store.add(entry);
    const setDue = (dueAt: string, { taskId }: { readonly taskId: string }) =>
      query(
        `UPDATE SCHEMA.pending_entries SET due_at = $1
         WHERE id = (SELECT id FROM SCHEMA.events WHERE task_id = $2)`,
        [dueAt, taskId],
      );
    for (const dueAt of ['infinity', '-infinity']) {
      await expect(setDue(dueAt, other)).rejects.toThrow(/pending_entries_due_at_check/);
    }
    await setDue('4714-11-24 00:00:00+00 BC', first);
    await setDue('294276-12-31 23:59:59+00', last);
    expect(await store.nextDueMs('novita')).toBe(0);
    expect((await store.stats()).lagMs).toBeGreaterThan(0);
    expect((await store.list()).entries).toHaveLength(3);
    const claims = await store.claim('novita', 10, LEASE_MS);
    expect(claims.map(({ taskId }) => taskId)).toEqual([first.taskId, other.taskId]);
    for (const claim of claims) await store.settle(claim, { type: 'done' });
    expect(await store.nextDueMs('novita')).toBeGreaterThan(0);
    expect(await store.stats()).toMatchObject({ pending: 1, done: 2, lagMs: 0 });
  });

  test('stats counts exactly, also after rows were deleted by hand', async () => {
    const { store } = fixture;
    const peer = fixture.openPeer();
    const total = async () => {
      const { pending, running, done, dead } = await peer.stats();
      return pending + running + done + dead;
    };
    await Promise.all(Array.from({ length: 100 }, async () => store.add(createTestEntry())));
    const totals: number[] = [];
    const over = new AbortController();
    const isOver = () => over.signal.aborted;
    const counting = (async () => {
      while (!isOver()) totals.push(await total());
    })();
    for (let claims = await store.claim('novita', 30, LEASE_MS); claims.length > 0;) {
      await Promise.all(claims.map(async (claim, index) => store.settle(claim, index % 3 === 0 ? DEAD : { type: 'done' }))); // prettier-ignore
      claims = await store.claim('novita', 30, LEASE_MS);
    }
    over.abort();
    await counting;
    expect(new Set(totals)).toEqual(new Set([100]));
    const { done, dead } = await store.stats();
    expect([done, dead]).toEqual([66, 34]);
    await fixture.query("DELETE FROM SCHEMA.finished_entries WHERE state = 'dead'");
    await store.add(createTestEntry());
    await fixture.query('TRUNCATE SCHEMA.pending_entries');
    expect(await store.stats()).toEqual({
      expected: 0,
      pending: 0,
      running: 0,
      done: 66,
      dead: 0,
      lagMs: 0,
    });
  });

  test('restoreEntries sends large entries in several statements and keeps their order', async () => {
    const { store, pool, schema } = fixture;
    const body = 'x'.repeat(1024 * 1024);
    for (let n = 0; n < 7; n += 1) await store.add(createTestEntry({ body }));
    const { entries } = await store.list({ order: 'oldest' });
    const sizes: number[] = [];
    const connect = async () => {
      const client = await pool.connect();
      return {
        query({ text, values = [] }: PostgresQuery) {
          if (text.includes('AS restored')) sizes.push(String(values[0]).length);
          return client.query(text, values);
        },
        release: (error?: Error) => client.release(error),
      };
    };
    const target = postgresStore({ pool: { connect }, schema });
    const copies = entries.map((entry) => ({ ...entry, endpoint: 'copied' }));
    expect(await target.restoreEntries?.([...copies, ...copies])).toBe(7);
    expect(Math.max(...sizes)).toBeLessThan(6 * 1024 * 1024);
    const restored = await store.list({ endpoint: 'copied', order: 'oldest' });
    expect(restored.entries.map(({ taskId }) => taskId)).toEqual(copies.map((one) => one.taskId));
    await target.close();
  });

  test('concurrent stores replay and discard each entry once', async () => {
    const stores = [fixture.store, fixture.openPeer(), fixture.openPeer()];
    const entries = Array.from({ length: 300 }, () => createTestEntry());
    await Promise.all(entries.map(async (entry) => fixture.store.add(entry)));
    const claims = await fixture.store.claim('novita', 300, LEASE_MS);
    await Promise.all(claims.map(async (claim) => fixture.store.settle(claim, DEAD)));
    const inAnyOrder = (index: number) => (index === 0 ? entries : entries.toReversed());
    const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);
    const replayed = stores.map((store, index) => store.replayEntries(inAnyOrder(index)));
    expect(total(await Promise.all(replayed))).toBe(300);
    const discarded = stores.map((store, index) => store.discardEntries(inAnyOrder(index)));
    expect(total(await Promise.all(discarded))).toBe(300);
    expect(await fixture.query('SELECT FROM SCHEMA.events')).toEqual([]);
  });

  test('deleteExpired deletes each entry once in concurrent stores', async () => {
    const { store } = fixture;
    await Promise.all(Array.from({ length: 1500 }, async () => store.add(createTestEntry())));
    const claims = await store.claim('novita', 1500, LEASE_MS);
    await Promise.all(claims.map(async (claim) => store.settle(claim, { type: 'done' })));
    await fixture.query(
      "UPDATE SCHEMA.finished_entries SET finished_at = finished_at - interval '1 day'",
    );
    const retention = { doneMs: 1000, deadMs: 1000 };
    const stores = [store, fixture.openPeer(), fixture.openPeer()];
    const deleted = await Promise.all(stores.map((each) => each.deleteExpired(retention)));
    const more = await store.deleteExpired(retention); // entries that others had locked
    expect(deleted.reduce((sum, count) => sum + count, more)).toBe(1500);
    expect(await fixture.query('SELECT FROM SCHEMA.events')).toEqual([]);
    expect((await store.stats()).done).toBe(0);
  });

  test('stats reports the lag of the slowest endpoint', async () => {
    const { store } = fixture;
    for (const endpoint of ['a', 'b', 'c']) await store.add(createTestEntry({ endpoint }));
    await fixture.query(
      "UPDATE SCHEMA.pending_entries SET due_at = now() + interval '1 hour' WHERE endpoint <> 'b'",
    );
    await fixture.query(
      "UPDATE SCHEMA.pending_entries SET due_at = now() - interval '1 hour' WHERE endpoint = 'b'",
    );
    const { lagMs } = await store.stats();
    expect(lagMs).toBeGreaterThanOrEqual(3_600_000);
    expect(lagMs).toBeLessThan(3_660_000);
  });

  test('claim skips locked entries and never claims one twice', async () => {
    const stores = [fixture.store, fixture.openPeer(), fixture.openPeer()];
    await Promise.all(
      Array.from({ length: 200 }, async () => fixture.store.add(createTestEntry())),
    );
    const locking = await fixture.pool.connect();
    await locking.query('BEGIN');
    await locking.query(
      `SELECT id FROM ${fixture.schema}.pending_entries ORDER BY id LIMIT 50 FOR UPDATE`,
    );
    const claims = await Promise.all(
      [...stores, ...stores, ...stores, ...stores].map(async (each) =>
        each.claim('novita', 20, LEASE_MS),
      ),
    );
    await locking.query('ROLLBACK');
    locking.release();
    const taken = claims.flat().map((claim) => claim.taskId);
    expect(new Set(taken).size).toBe(taken.length);
    const rest = await fixture.store.claim('novita', 200, LEASE_MS);
    expect(taken.length + rest.length).toBe(200);
    expect(taken.length).toBeGreaterThanOrEqual(100);
    expect(taken.length).toBeLessThanOrEqual(150);
  });

  test('claim leases nothing if its answer is lost', async () => {
    const { store, pool, schema } = fixture;
    const entry = createTestEntry();
    await store.add(entry);
    const unreachable = postgresStore({
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
    await expect(unreachable.claim('novita', 1, LEASE_MS)).rejects.toThrow(
      'did not answer within 200 ms',
    );
    await expect.poll(() => store.claim('novita', 1, LEASE_MS)).toMatchObject([{ attempts: 1 }]);
    await unreachable.close();
  });

  test('add rejects in time and limits its memory if the server hangs', async () => {
    const hanging = { query: () => new Promise<never>(() => undefined), release: () => undefined };
    let hangs = false;
    const pool = { connect: async () => (hangs ? hanging : fixture.pool.connect()) };
    const store = postgresStore({ pool, schema: fixture.schema, queryTimeoutMs: 200 });
    await store.stats();
    hangs = true;
    const beganAt = performance.now();
    const body = 'x'.repeat(1024 * 1024);
    const adds = Array.from({ length: 100 }, async () => store.add(createTestEntry({ body })));
    const codes = (await Promise.allSettled(adds)).map((one) =>
      one.status === 'rejected' ? (one.reason as { code: string }).code : one.value,
    );
    expect(performance.now() - beganAt).toBeLessThan(10_000); // one by one they would take 20 s
    expect(codes.filter((code) => code === 'inbox_full').length).toBeGreaterThan(20);
    expect(codes.filter((code) => code === 'inbox_unavailable').length).toBeGreaterThan(50);
    await store.close();
  });

  test('close waits for one batch of deleteExpired only', async () => {
    const store = fixture.openPeer();
    await fixture.query(insertEvents("'done-' || n", 'FROM generate_series(1, 20000) AS n'));
    await fixture.query(`
      INSERT INTO SCHEMA.finished_entries (id, state, attempts, succeeded_handlers, finished_at)
      SELECT id, 'done', 1, '{}', now() - interval '1 hour' FROM SCHEMA.events`);
    const deleting = store.deleteExpired({ doneMs: 1, deadMs: 1 });
    await pause(50);
    await store.close();
    expect(await deleting).toBeLessThan(10_000);
  });
});
