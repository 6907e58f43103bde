import type { Claim, Store } from '@novita-webhooks/core';
import { createTestEntry } from '@novita-webhooks/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { explain, type Plan } from './support/explain.ts';
import { openScene, type Scene } from './support/store-fixture.ts';
import { openPool, url } from './support/test-database.ts';

const DONE = 60_000;
const WAITING = 20_000;
const RUNNING = 2000;
/** Of what is claimed, and no more than that is to be touched. */
const LIMIT = 10;
const LEASE_MS = 30_000;

const INSERT_DONE = `
WITH arrived AS (
  INSERT INTO SCHEMA.events (endpoint, task_id, status, body, metadata, test_mode, received_at)
  SELECT 'novita', 'done-' || n, '', '{}', '{}', false, now() FROM generate_series(1, $1) AS n
  RETURNING id
)
INSERT INTO SCHEMA.finished_entries
SELECT id, 'done', 1, '{}', NULL, now() - interval '1 hour' FROM arrived`;

const insertWaiting = (name: string, count: number) => `
WITH arrived AS (
  INSERT INTO SCHEMA.events (endpoint, task_id, status, body, metadata, test_mode, received_at)
  SELECT 'novita', '${name}-' || n, '', '{}', '{}', false, now()
  FROM generate_series(1, ${count}) AS n
  RETURNING id
)
INSERT INTO SCHEMA.pending_entries (id, endpoint, due_at)
SELECT id, 'novita', now() - interval '1 hour' + id * interval '1 ms' FROM arrived`;

const NEVER_CLAIMED = {
  fencingToken: `1.${crypto.randomUUID()}`,
  state: 'running',
  attempts: 1,
  succeededHandlers: [],
  reason: null,
  dueAt: null,
  finishedAt: null,
} as const;

const ANALYZE = 'ANALYZE SCHEMA.events, SCHEMA.pending_entries, SCHEMA.finished_entries';

/** What a statement may look at for the few that it is about: a table has thousands. */
const FEW_PAGES = 400;
const FEW_ROWS = 5 * LIMIT;

const claim = (store: Store) => store.claim('novita', LIMIT, LEASE_MS);

/** Nobody else is to choose when the planner learns of what. */
async function withoutAutovacuum(): Promise<Scene> {
  const scene = await openScene();
  for (const table of ['events', 'pending_entries', 'finished_entries']) {
    await scene.query(`ALTER TABLE SCHEMA.${table} SET (autovacuum_enabled = false)`);
  }
  return scene;
}

describe.skipIf(url === undefined)('with many entries in PostgreSQL', () => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await withoutAutovacuum();
    await scene.query(INSERT_DONE, [DONE]);
  }, 60_000);
  afterAll(() => scene.close());

  const planOf = async (work: (store: Store) => Promise<unknown>): Promise<Plan> => {
    const [plan] = await explain(scene.pool, scene.schema, work);
    if (plan === undefined) throw new Error('no statement was explained');
    return plan;
  };
  const expectCheap = ({ wholeTables, mostRows, nodes, ...seen }: Plan, rows = FEW_ROWS) => {
    const what = nodes.join(', ');
    // Small ones are read as a whole: that of the counts always, what waits when it is next to nothing.
    const large = wholeTables.filter((table) => table !== 'counts' && table !== 'pending_entries');
    expect(large, what).toEqual([]);
    expect(mostRows, what).toBeLessThanOrEqual(rows);
    // Also in functions.
    expect(seen.pages, what).toBeLessThanOrEqual(Math.max(FEW_PAGES, 20 * rows));
    expect(seen.fetched, what).toBeLessThanOrEqual(5 * rows);
  };

  test('a claim touches what it claims, whatever the planner knows', async () => {
    expectCheap(await planOf(claim)); // nothing at all
    await scene.query(ANALYZE);
    expectCheap(await planOf(claim)); // that nothing waits
    await scene.query(insertWaiting('waiting', WAITING));
    expectCheap(await planOf(claim)); // still, although much does
    await scene.query(ANALYZE);
    expectCheap(await planOf(claim)); // everything
  });

  test('so do all that are asked for often', async () => {
    expectCheap(await planOf((store) => store.nextDueMs('novita')));
    expectCheap(await planOf((store) => store.add(createTestEntry())));
    expectCheap(await planOf((store) => store.add(createTestEntry({ taskId: 'done-7' }))));
    expectCheap(await planOf((store) => store.get(createTestEntry({ taskId: 'done-7' }))));
    expectCheap(await planOf((store) => store.stats()), 64);
    const claims = await scene.store.claim('novita', LIMIT, LEASE_MS);
    const settled = await explain(scene.pool, scene.schema, (store) =>
      Promise.all(claims.map((each) => store.settle(each, { type: 'done' }))),
    );
    expect(settled).toHaveLength(1);
    settled.forEach((plan) => expectCheap(plan));
    const [held] = await scene.store.claim('novita', 1, LEASE_MS);
    if (held === undefined) throw new Error('there is nothing to claim');
    expectCheap(await planOf((store) => store.extend(held, LEASE_MS)));
  });

  test('a page of any kind reads little more than a page', async () => {
    for (const state of ['pending', 'running', 'done', 'dead', undefined] as const) {
      expectCheap(await planOf((store) => store.list({ state, limit: 10 })), 200);
    }
    expectCheap(await planOf((store) => store.list({ limit: 10, cursor: '30000' })), 200);
    for (const endpoint of ['quiet', 'novita']) {
      expectCheap(await planOf((store) => store.list({ limit: 10, endpoint })), 200);
    }
  });

  test('a purge reads what it purges', async () => {
    const retention = { doneMs: 24 * 60 * 60 * 1000, deadMs: 24 * 60 * 60 * 1000 };
    expectCheap(await planOf((store) => store.deleteExpired(retention)));
    await scene.query(`
      UPDATE SCHEMA.finished_entries SET finished_at = now() - interval '8 days'
      WHERE id IN (SELECT id FROM SCHEMA.finished_entries ORDER BY id LIMIT 700)`);
    expectCheap(await planOf((store) => store.deleteExpired(retention)), 1000);
    expect((await scene.store.stats()).done).toBe(DONE + LIMIT - 700);
  });
});

const SETTINGS = [
  'plan_cache_mode=force_generic_plan',
  'jit=off',
  'enable_seqscan=off',
  'enable_bitmapscan=off',
  'enable_indexscan=on',
  'enable_nestloop=on',
];

/** What a connection may have found when it made its plans. */
const BEFORE: Readonly<Record<string, readonly string[]>> = {
  'was used by nobody': [ANALYZE],
  'is idle': [
    insertWaiting('early', 50),
    'DELETE FROM SCHEMA.pending_entries',
    `VACUUM ${ANALYZE}`,
  ],
  'has had one entry': [insertWaiting('early', 1), `VACUUM ${ANALYZE}`],
  'has little to do': [insertWaiting('early', 50), `VACUUM ${ANALYZE}`],
};

describe.skipIf(url === undefined)('a plan that was made when PostgreSQL', () => {
  test.each(Object.keys(BEFORE))(
    '%s is as good with many entries',
    async (state) => {
      const scene = await withoutAutovacuum();
      const pool = openPool({ max: 1 }); // each connection keeps its own
      let held: Claim[] = [{ ...createTestEntry(), ...NEVER_CLAIMED }];
      let failing = held;
      const again = { type: 'retry', delayMs: 1, reason: '', succeededHandlers: [] } as const;
      const calls: Record<string, (store: Store) => Promise<unknown>> = {
        'add, of a new one': (store) => store.add(createTestEntry()),
        'add, of a duplicate': (store) => store.add(createTestEntry({ taskId: 'known' })),
        claim,
        extend: (store) => Promise.all(held.map((each) => store.extend(each, LEASE_MS))),
        settle: (store) => Promise.all(held.map((each) => store.settle(each, { type: 'done' }))),
        'settle, for another attempt': (store) =>
          Promise.all(failing.map((each) => store.settle(each, again))),
      };
      const explainAll = async (names: readonly string[]) => {
        const seen: Record<string, Pick<Plan, 'pages' | 'fetched'>> = {};
        for (const name of names) {
          const plans = await explain(pool, scene.schema, calls[name] ?? claim);
          const [plan, ...more] = plans.filter(({ pages }) => pages > 0); // not those of notifications
          expect(more, name).toEqual([]); // what is asked together is one statement
          if (plan) seen[name] = { pages: plan.pages, fetched: plan.fetched };
        }
        return seen;
      };
      for (const text of BEFORE[state] ?? []) await scene.query(text);
      const names = Object.keys(calls);
      await explainAll(names.toReversed()); // to add comes last: there is as little as before

      await scene.query(INSERT_DONE, [DONE]);
      await scene.query(insertWaiting('waiting', WAITING));
      await scene.store.claim('novita', RUNNING, LEASE_MS);
      held = await scene.store.claim('novita', LIMIT, LEASE_MS);
      failing = await scene.store.claim('novita', LIMIT, LEASE_MS);
      const seen = await explainAll(names);
      await pool.end();
      await scene.close();
      expect(Object.keys(seen)).toEqual(names);
      for (const [name, { pages, fetched }] of Object.entries(seen)) {
        expect(pages, name).toBeLessThanOrEqual(FEW_PAGES);
        expect(fetched, name).toBeLessThanOrEqual(FEW_ROWS);
      }
    },
    60_000,
  );

  test('was asked has no other choice, by the settings of the functions and by the indexes', async () => {
    const scene = await openScene();
    const settings = await scene.query(`
      SELECT proname AS name, proconfig AS settings FROM pg_proc
      WHERE pronamespace = 'SCHEMA'::regnamespace AND proname IN ('add', 'claim', 'extend', 'settle')
      ORDER BY proname`);
    const lookedUpLater = await scene.query(`
      SELECT indexrelid::regclass FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
      JOIN pg_attribute ON attrelid = indrelid AND attname = 'id'
      WHERE relnamespace = 'SCHEMA'::regnamespace AND indpred IS NULL AND NOT indisprimary
        AND attnum = ANY (indkey)`);
    await scene.close();
    expect(settings).toEqual(
      ['add', 'claim', 'extend', 'settle'].map((name) => ({ name, settings: SETTINGS })),
    );
    expect(lookedUpLater).toEqual([]);
  });
});
