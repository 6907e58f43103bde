import type { Claim, NewEntry, Store } from '@novita-webhooks/core';
import { createTestEntry } from '@novita-webhooks/testing';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { explain, type Plan } from './support/explain.ts';
import { insertEvents, openStoreFixture, type StoreFixture } from './support/store-fixture.ts';
import { openPool, url } from './support/test-database.ts';

// cspell:ignore relpages reltuples
const DONE = 60_000;
const WAITING = 20_000;
const RUNNING = 2000;
/** Entries of a claim. */
const LIMIT = 10;
const LEASE_MS = 30_000;

const INSERT_DONE = `
WITH inserted AS (${insertEvents("'done-' || n", 'FROM generate_series(1, $1) AS n')})
INSERT INTO SCHEMA.finished_entries (id, state, attempts, succeeded_handlers, finished_at)
SELECT id, 'done', 1, '{}', now() - interval '1 hour' FROM inserted`;

const INSERT_DEAD = `
WITH inserted AS (${insertEvents("'dead-' || n", 'FROM generate_series(1, 20000) AS n')})
INSERT INTO SCHEMA.finished_entries (id, state, attempts, succeeded_handlers, finished_at)
SELECT id, 'dead', 1, '{}', now() FROM inserted`;

const insertWaiting = (name: string, count: number) => `
WITH inserted AS (
  ${insertEvents(`'${name}-' || n`, `FROM generate_series(1, ${count}) AS n`)}
)
INSERT INTO SCHEMA.pending_entries (id, endpoint, due_at)
SELECT id, 'novita', now() - interval '1 hour' + id * interval '1 ms' FROM inserted`;

const NEVER_CLAIMED: Omit<Claim, keyof NewEntry> = {
  fencingToken: `1.${crypto.randomUUID()}`,
  ...{ state: 'running', attempts: 1, succeededHandlers: [], reason: null },
  ...{ dueAt: null, finishedAt: null, replays: 0, partialReplay: null, attemptLog: [] },
  originalBody: null,
} as const;

const ANALYZE = 'ANALYZE SCHEMA.events, SCHEMA.pending_entries, SCHEMA.finished_entries';

/** The planner expects a hundred events of each key, as it does for a million events without statistics. */
const LOOK_LARGE = `
UPDATE pg_class SET relpages = pg_relation_size(oid) / 8192, reltuples = 100 * ${DONE}
WHERE oid = 'SCHEMA.events'::regclass`;

/** What a statement for `LIMIT` entries may read. Each table has thousands of pages or rows. */
const MAX_PAGES = 400;
const MAX_ROWS = 5 * LIMIT;
/** Far from `jit_above_cost`: compiling a statement takes ten times as long as running it. */
const MAX_COST = 33_000;

const claim = (store: Store) => store.claim('novita', LIMIT, LEASE_MS);

/** Without autovacuum, only the test decides when the planner gets new statistics. */
async function withoutAutovacuum(): Promise<StoreFixture> {
  const fixture = await openStoreFixture();
  for (const table of ['events', 'pending_entries', 'finished_entries']) {
    await fixture.query(`ALTER TABLE SCHEMA.${table} SET (autovacuum_enabled = false)`);
  }
  return fixture;
}

describe.skipIf(url === undefined)('the plan of a statement, with many entries,', () => {
  let fixture: StoreFixture;

  beforeAll(async () => {
    fixture = await withoutAutovacuum();
    await fixture.query(INSERT_DONE, [DONE]);
  }, 60_000);
  afterAll(() => fixture.close());

  const planOf = async (work: (store: Store) => unknown): Promise<Plan> => {
    const [plan] = await explain(fixture.pool, fixture.schema, work);
    if (plan === undefined) throw new Error('no statement was explained');
    return plan;
  };
  const expectCheap = ({ wholeTables, maxRows, nodes, ...seen }: Plan, rows = MAX_ROWS) => {
    const what = nodes.join(', ');
    // Two small tables may be read as a whole: counts, and pending_entries while it is almost empty.
    const large = wholeTables.filter((table) => table !== 'counts' && table !== 'pending_entries');
    expect(large, what).toEqual([]);
    expect(maxRows, what).toBeLessThanOrEqual(rows);
    // These include the statements in functions.
    expect(seen.pages, what).toBeLessThanOrEqual(Math.max(MAX_PAGES, 20 * rows));
    expect(seen.fetched, what).toBeLessThanOrEqual(5 * rows);
    expect(seen.cost, what).toBeLessThan(MAX_COST);
  };

  test('reads only claimed entries for a claim, with any statistics', async () => {
    expectCheap(await planOf(claim)); // no statistics
    await fixture.query(ANALYZE);
    expectCheap(await planOf(claim)); // statistics of an empty table
    await fixture.query(insertWaiting('waiting', WAITING));
    expectCheap(await planOf(claim)); // the same, although the table is full
    await fixture.query(ANALYZE);
    expectCheap(await planOf(claim)); // current statistics
  });

  test('reads only its entries for each frequent statement', async () => {
    expectCheap(await planOf((store) => store.nextDueMs('novita')));
    expectCheap(await planOf((store) => store.add(createTestEntry())));
    expectCheap(await planOf((store) => store.add(createTestEntry({ taskId: 'done-7' }))));
    expectCheap(await planOf((store) => store.get(createTestEntry({ taskId: 'done-7' }))));
    expectCheap(await planOf((store) => store.stats()), 64);
    const claims = await fixture.store.claim('novita', LIMIT, LEASE_MS);
    const settled = await explain(fixture.pool, fixture.schema, (store) =>
      Promise.all(claims.map(async (each) => store.settle(each, { type: 'done' }))),
    );
    expect(settled).toHaveLength(1);
    settled.forEach((plan) => expectCheap(plan));
    const [running] = await fixture.store.claim('novita', 1, LEASE_MS);
    if (running === undefined) throw new Error('no entry was claimed');
    expectCheap(await planOf((store) => store.extend(running, LEASE_MS)));
  });

  test('reads little more than one page for each kind of list', async () => {
    for (const states of [['pending'], ['running'], ['done'], ['dead'], undefined] as const) {
      expectCheap(await planOf((store) => store.list({ states, limit: 10 })), 200);
    }
    expectCheap(await planOf((store) => store.list({ limit: 10, cursor: '30000' })), 200);
    for (const endpoint of ['quiet', 'novita']) {
      expectCheap(await planOf((store) => store.list({ limit: 10, endpoint })), 200);
    }
  });

  test('reads only the examined entries for a list with filters', async () => {
    const absent = { taskType: 'ABSENT', metadata: { orderId: 1 }, taskIdContains: 'absent' };
    for (const states of [['pending'], ['done'], ['dead', 'pending'], undefined] as const) {
      expectCheap(await planOf((store) => store.list({ ...absent, states })), 5000);
    }
  });

  test('lets nothing be compiled for a page of dead letters', async () => {
    await fixture.query(INSERT_DEAD);
    await fixture.query(ANALYZE);
    const dead = { states: ['dead'] } as const;
    for (const query of [dead, { ...dead, limit: 1000 }, { ...dead, reasonContains: 'absent' }]) {
      expect((await planOf((store) => store.list(query))).cost).toBeLessThan(MAX_COST);
    }
  });

  test('reads only expired entries for deleteExpired', async () => {
    const retention = { doneMs: 24 * 60 * 60 * 1000, deadMs: 24 * 60 * 60 * 1000 };
    expectCheap(await planOf((store) => store.deleteExpired(retention)));
    await fixture.query(`
      UPDATE SCHEMA.finished_entries SET finished_at = now() - interval '8 days'
      WHERE id IN (SELECT id FROM SCHEMA.finished_entries ORDER BY id LIMIT 700)`);
    expectCheap(await planOf((store) => store.deleteExpired(retention)), 1000);
    expect((await fixture.store.stats()).done).toBe(DONE + LIMIT - 700);
  });

  test('reads only its entries to replay and discard a batch, without statistics', async () => {
    const fresh = await withoutAutovacuum();
    onTestFinished(() => fresh.close());
    await fresh.query(INSERT_DONE, [DONE]);
    await fresh.query(LOOK_LARGE);
    for (const act of ['discardEntries', 'replayEntries'] as const) {
      const { entries } = await fresh.store.list({ limit: 100, bodies: false });
      const work = (store: Store) => store[act](entries);
      const [plan] = await explain(fresh.pool, fresh.schema, work);
      expect(plan?.wholeTables.filter((table) => table !== 'pending_entries')).toEqual([]);
      expect(plan?.maxRows, plan?.nodes.join('; ')).toBeLessThanOrEqual(500);
    }
  });

  test('reads only its entries to replay, discard and restore them', async () => {
    const targets = [
      createTestEntry({ taskId: 'done-50000' }),
      createTestEntry({ taskId: 'done-50001' }),
    ];
    expectCheap(await planOf((store) => store.replayEntries(targets)));
    expectCheap(await planOf((store) => store.discardEntries(targets)));
    const { entries } = await fixture.store.list({ limit: LIMIT });
    const copies = entries.map((entry) => ({ ...entry, endpoint: 'copied' }));
    expectCheap(await planOf((store) => store.restoreEntries?.(copies)), 200);
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

/** States of the tables in which a connection makes its plans. */
const BEFORE: Readonly<Record<string, readonly string[]>> = {
  'was never used': [ANALYZE],
  'is idle': [
    insertWaiting('early', 50),
    'DELETE FROM SCHEMA.pending_entries',
    `VACUUM ${ANALYZE}`,
  ],
  'has had one entry': [insertWaiting('early', 1), `VACUUM ${ANALYZE}`],
  'has little to do': [insertWaiting('early', 50), `VACUUM ${ANALYZE}`],
};

describe.skipIf(url === undefined)('a cached plan, made when the inbox', () => {
  test.each(Object.keys(BEFORE))(
    '%s, is as good with many entries',
    async (state) => {
      const fixture = await withoutAutovacuum();
      const pool = openPool({ max: 1 }); // each connection caches its own plans
      let running: Claim[] = [{ ...createTestEntry(), ...NEVER_CLAIMED }];
      let failing = running;
      const retry = { type: 'retry', delayMs: 1, reason: '', succeededHandlers: [] } as const;
      const calls: Record<string, (store: Store) => unknown> = {
        'add, of a new one': (store) => store.add(createTestEntry()),
        'add, of a duplicate': (store) => store.add(createTestEntry({ taskId: 'known' })),
        claim,
        extend: (store) => Promise.all(running.map(async (each) => store.extend(each, LEASE_MS))),
        settle: (store) =>
          Promise.all(running.map(async (each) => store.settle(each, { type: 'done' }))),
        'settle, for another attempt': (store) =>
          Promise.all(failing.map(async (each) => store.settle(each, retry))),
      };
      const explainAll = async (names: readonly string[]) => {
        const seen: Record<string, Pick<Plan, 'pages' | 'fetched'>> = {};
        for (const name of names) {
          const plans = await explain(pool, fixture.schema, calls[name] ?? claim);
          const [plan, ...more] = plans.filter(({ pages }) => pages > 0); // without the notifications
          expect(more, name).toEqual([]); // concurrent calls share one statement
          if (plan) seen[name] = { pages: plan.pages, fetched: plan.fetched };
        }
        return seen;
      };
      for (const text of BEFORE[state] ?? []) await fixture.query(text);
      const names = Object.keys(calls);
      await explainAll(names.toReversed()); // add comes last: until then the tables are as before

      await fixture.query(INSERT_DONE, [DONE]);
      await fixture.query(insertWaiting('waiting', WAITING));
      await fixture.store.claim('novita', RUNNING, LEASE_MS);
      running = await fixture.store.claim('novita', LIMIT, LEASE_MS);
      failing = await fixture.store.claim('novita', LIMIT, LEASE_MS);
      const seen = await explainAll(names);
      await pool.end();
      await fixture.close();
      expect(Object.keys(seen)).toEqual(names);
      for (const [name, { pages, fetched }] of Object.entries(seen)) {
        expect(pages, name).toBeLessThanOrEqual(MAX_PAGES);
        expect(fetched, name).toBeLessThanOrEqual(MAX_ROWS);
      }
    },
    60_000,
  );

  test('has no alternative, by the settings of the functions and the indexes', async () => {
    const fixture = await openStoreFixture();
    const settings = await fixture.query(`
      SELECT proname AS name, proconfig AS settings FROM pg_proc
      WHERE pronamespace = 'SCHEMA'::regnamespace AND proname IN ('add', 'claim', 'extend', 'settle')
      ORDER BY proname`);
    const withIdAsLaterColumn = await fixture.query(`
      SELECT indexrelid::regclass FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
      JOIN pg_attribute ON attrelid = indrelid AND attname = 'id'
      WHERE relnamespace = 'SCHEMA'::regnamespace AND indpred IS NULL AND NOT indisprimary
        AND attnum = ANY (indkey)`);
    await fixture.close();
    expect(settings).toEqual(
      ['add', 'claim', 'extend', 'settle'].map((name) => ({ name, settings: SETTINGS })),
    );
    expect(withIdAsLaterColumn).toEqual([]);
  });
});
