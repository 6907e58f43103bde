import {
  createReceiver,
  type EntryQuery,
  type JsonObject,
  type Receiver,
} from '@novita-webhooks/core';
import { createManualClock, type ManualClock } from '@novita-webhooks/testing';
import { sqliteInbox, sqliteStore, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { createRandom } from '../../../test/support/random.ts';
import {
  copyAfterCrash,
  countBySql,
  ENDPOINTS,
  ENTRIES,
  explain,
  fill,
  findInconsistencies,
  entryOf,
  recordStatements,
  work,
} from './support/large-inbox.ts';
import { presentDrivers } from './support/drivers.ts';
import { quickTemporaryFile } from './support/temporary-files.ts';

const STATES = ['pending', 'running', 'done', 'dead'] as const;
const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

describe.each(presentDrivers.map((driver) => [driver.name, driver] as const))(
  `sqliteInbox with ${ENTRIES} entries on %s`,
  (_, driver) => {
    let path: string;
    let clock: ManualClock;
    let database: SqliteDatabase;
    let statements: ReadonlySet<string>;
    let receiver: Receiver<JsonObject, SqliteDatabase>;

    beforeEach(async () => {
      path = quickTemporaryFile();
      clock = createManualClock();
      database = driver.open(path);
      const recorder = recordStatements(database);
      statements = recorder.statements;
      await fill(sqliteStore({ database: recorder.recorded, clock }), clock);
      receiver = receiverOn(recorder.recorded);
    }, 60_000);

    afterEach(async () => {
      await receiver.close();
      database.close();
    });

    const receiverOn = (connection: SqliteDatabase) =>
      createReceiver({
        insecure: true,
        clock,
        inbox: sqliteInbox({ database: connection, clock }),
      });

    /** Returns all keys page by page, and calls a function between the pages. */
    async function page(query: EntryQuery, between: () => Promise<unknown> = async () => null) {
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const found = await receiver.inbox.list({ ...query, ...(cursor !== null && { cursor }) });
        seen.push(...found.entries.map(({ endpoint, taskId }) => `${endpoint} ${taskId}`));
        cursor = found.cursor;
        await between();
      } while (cursor !== null);
      return seen;
    }

    function select(where: string, params: Readonly<Record<string, unknown>> = {}): string[] {
      const sql = `SELECT endpoint || ' ' || task_id AS key FROM novita_entries WHERE ${where} ORDER BY id DESC`;
      const statement = database.prepare(sql);
      const rows = Object.keys(params).length > 0 ? statement.all(params) : statement.all();
      return (rows as { key: string }[]).map(({ key }) => key);
    }

    async function expectExactStats(): Promise<void> {
      const { lagMs, ...counts } = await receiver.inbox.stats();
      expect(counts).toEqual(countBySql(database));
      expect(lagMs).toBeGreaterThanOrEqual(0);
      expect(findInconsistencies(database)).toEqual([]);
    }

    test('lists each entry once, newest first, while others are added', async () => {
      const before = select('true');
      expect(before).toHaveLength(ENTRIES);
      let added = 0;
      const seen = await page({ limit: 333 }, () => {
        added += 1;
        return receiver.inbox.add(entryOf('novita', `late-${added}`));
      });
      expect(seen).toEqual(before);
      expect(added).toBeGreaterThan(30);
    });

    test('lists everything except entries discarded meanwhile', async () => {
      const before = select('true');
      const gone = before.filter((_, index) => index % 10 === 9);
      const seen = await page({ limit: 100 }, async () => {
        const [key = ' '] = gone;
        const [endpoint = '', taskId = ''] = key.split(' ');
        if (await receiver.inbox.discard({ endpoint, taskId })) gone.shift();
      });
      const left = new Set(select('true'));
      expect(seen.length).toBe(new Set(seen).size);
      expect(before.filter((key) => left.has(key) && !seen.includes(key))).toEqual([]);
    });

    test('lists by state and by endpoint', async () => {
      for (const endpoint of [undefined, ...ENDPOINTS, 'unknown']) {
        for (const state of [undefined, ...STATES]) {
          const where = [endpoint && 'endpoint = :endpoint', state && 'state = :state', 'true'];
          const params = { ...(endpoint && { endpoint }), ...(state && { state }) };
          const wanted = select(where.filter(Boolean).join(' AND '), params);
          expect(await page({ endpoint, states: state && [state], limit: 1000 })).toEqual(wanted);
        }
      }
    });

    test('runs no statement that scans or sorts all entries', async () => {
      const { inbox } = receiver;
      for (const endpoint of [undefined, 'novita']) {
        for (const state of [undefined, ...STATES]) {
          await inbox.list({ endpoint, states: state && [state] });
        }
      }
      const withSchemaError = {
        ...entryOf('novita', 'schema-error'),
        schemaError: 'images: not a list',
      };
      await inbox.add(withSchemaError);
      await inbox.add({ ...withSchemaError, schemaError: null });
      for (const key of [withSchemaError, entryOf('novita', 'unknown')]) {
        await inbox.get(key);
        await inbox.replay(key);
        await inbox.discard(key);
      }
      await inbox.stats();
      await useStore();
      const texts = [...statements].filter((sql) => sql.includes('novita_entries'));
      for (const kind of ['LIMIT', 'INSERT', 'DELETE', 'finished_at <=', 'IS NOT NULL']) {
        expect(texts.join(), 'the statements are recorded').toContain(kind);
      }
      const bad = texts.filter((sql) => {
        const plan = explain(database, sql).join('\n');
        // UNION sorts the names of handlers, of which there are few.
        const sorts = !sql.includes('UNION') && plan.includes('TEMP B-TREE FOR ORDER BY');
        // The index has expectations only.
        const isFew = plan.includes('USING INDEX novita_events_expected');
        return sorts || (/SCAN novita_e|AUTOMATIC/.test(plan) && !isFew);
      });
      expect(bad).toEqual([]);
    });

    test.each(['pending', 'running', 'dead'] as const)(
      'lists %s entries without reading the done ones',
      async (state) => {
        const earlier = new Set(statements);
        await receiver.inbox.list({ states: [state] });
        await receiver.inbox.list({ states: [state], endpoint: 'rare' });
        const texts = [...statements].filter((sql) => !earlier.has(sql));
        expect(texts).toHaveLength(3); // the second list also measures how far it looks
        for (const sql of texts) {
          expect(explain(database, sql).join()).toMatch(/USING (COVERING )?INDEX novita_entries_/);
        }
      },
    );

    test('a page of a search examines 5,000 entries, and its cursor continues', async () => {
      const { inbox } = receiver;
      let examined = 0;
      let cursor: string | undefined;
      do {
        const page = await inbox.list({ taskType: 'NONE', cursor });
        expect(page.entries).toEqual([]);
        expect(page.scanned).toBeLessThanOrEqual(5000);
        examined += page.scanned;
        cursor = page.cursor ?? undefined;
      } while (cursor !== undefined);
      expect(examined).toBe(select('true').length);
    });

    test('keeps the counters exact under random operations', async () => {
      const { inbox } = receiver;
      const { between } = createRandom(20_260_301);
      const random = (below: number) => between(0, below - 1);
      const store = sqliteStore({ database, clock });
      await expectExactStats();
      for (let round = 0; round < 60; round += 1) {
        const keys = Array.from({ length: 50 }, () => randomKey(random));
        await Promise.all(
          keys.map((key) => {
            const choice = random(5);
            if (choice === 0) return inbox.replay(key);
            if (choice === 1) return inbox.discard(key);
            const schemaError = choice === 2 ? 'images: not a list' : null;
            return inbox.add({ ...entryOf(key.endpoint, key.taskId), schemaError });
          }),
        );
        clock.skip(random(3) * 100_000);
        await work(store, ENDPOINTS[random(4)] ?? '', 40);
        if (round % 10 === 9) {
          await store.deleteExpired({ doneMs: 600_000, deadMs: 900_000 });
          await expectExactStats();
        }
      }
    });

    test('keeps the counters exact after a crash', async () => {
      const copy = quickTemporaryFile();
      const store = sqliteStore({ database, clock });
      // These writes are acknowledged, but only in the -wal file.
      await Promise.all(ENDPOINTS.map((endpoint) => work(store, endpoint, 100)));
      const before = await receiver.inbox.stats();
      copyAfterCrash(path, copy);
      await receiver.close();
      database.close();
      database = driver.open(copy);
      receiver = receiverOn(database);
      expect(await receiver.inbox.stats()).toEqual(before);
      await expectExactStats();
      await work(sqliteStore({ database, clock }), 'novita', 100);
      await expectExactStats();
    });

    test('deletes thousands of expired entries, keeps the others and exact counters', async () => {
      const { pending, running, done, dead } = await receiver.inbox.stats();
      clock.skip(WEEK_MS);
      const store = sqliteStore({ database, clock });
      expect(await store.deleteExpired({ doneMs: WEEK_MS / 2, deadMs: 2 * WEEK_MS })).toBe(done);
      expect(await receiver.inbox.stats()).toMatchObject({ pending, running, done: 0, dead });
      await expectExactStats();
    });

    /** Runs the operations of consumers, which operators do not use. */
    async function useStore(): Promise<void> {
      const recorder = recordStatements(database);
      const store = sqliteStore({ database: recorder.recorded, clock });
      await work(store, 'novita', 10);
      const [claim] = await store.claim('novita', 1, 1000);
      if (claim === undefined) throw new Error('no entry was claimed');
      await store.extend(claim, 1000);
      await store.transaction?.(claim, 'one', () => null);
      await store.settle(claim, { type: 'released', delayMs: 0, succeededHandlers: [] });
      await store.nextDueMs('novita');
      await store.deleteExpired({ doneMs: WEEK_MS, deadMs: WEEK_MS });
      statements = new Set([...statements, ...recorder.statements]);
    }
  },
);

function randomKey(random: (below: number) => number) {
  const key = random(ENTRIES + 500); // some of them are new
  return { endpoint: ENDPOINTS[key % 40 === 0 ? 3 : key % 3] ?? '', taskId: `${key}` };
}
