import { errorGroupOf, type EntryQuery, type JsonObject } from '@novita-webhooks/core';
import { createTestEntry } from '@novita-webhooks/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { insertEvents, openStoreFixture, type StoreFixture } from './support/store-fixture.ts';
import { url } from './support/test-database.ts';

const LEASE_MS = 30_000;
const DONE = 12_000;

describe.skipIf(url === undefined)('list on PostgreSQL', () => {
  let fixture: StoreFixture;

  beforeEach(async () => {
    fixture = await openStoreFixture();
  });
  afterEach(() => fixture.close());

  async function listAll(query: EntryQuery) {
    const pages = [await fixture.store.list(query)];
    for (let cursor; (cursor = pages.at(-1)?.cursor);) {
      pages.push(await fixture.store.list({ ...query, cursor }));
    }
    return pages.map(({ entries, scanned }) => ({
      found: entries.map(({ taskId }) => taskId),
      scanned,
    }));
  }

  test('a page examines at most 5,000 entries, and the next one continues there', async () => {
    await fixture.store.add(createTestEntry({ taskId: 'first' }));
    await fixture.query(
      `WITH inserted AS (${insertEvents("'done-' || n", 'FROM generate_series(1, $1) AS n')})
      INSERT INTO SCHEMA.finished_entries (id, state, attempts, succeeded_handlers, finished_at)
      SELECT id, 'done', 1, '{}', now() FROM inserted`,
      [DONE],
    );
    await fixture.store.add(createTestEntry({ taskId: 'last' }));
    const query = { taskIdContains: 's', endpoint: 'novita' };
    const newest = await listAll(query);
    expect(newest.map(({ found }) => found)).toEqual([['last'], [], ['first']]);
    expect(newest.map(({ scanned }) => scanned)).toEqual([5000, 5000, DONE + 2 - 10_000]);
    const oldest = await listAll({ ...query, order: 'oldest', states: ['pending', 'done'] });
    expect(oldest.map(({ found }) => found)).toEqual([['first'], [], ['last']]);
    expect(await listAll({ ...query, limit: 1 })).toEqual([
      { found: ['last'], scanned: 5000 },
      ...newest.slice(1),
    ]);
  });

  test('metadata is compared by value and type, also if another row is damaged', async () => {
    const all: Readonly<Record<string, JsonObject>> = {
      number: { orderId: 7, text: '\u0000' },
      text: { orderId: '7', 'a "key": ': 'it\'s "quoted": 1' },
      longer: { orderId: 70, nested: { orderId: 7 }, list: ['"orderId":7'] },
      jsonb: { orderId: 7, other: 'a: b' },
      damaged: { orderId: 7 },
    };
    for (const [taskId, metadata] of Object.entries(all)) {
      await fixture.store.add(createTestEntry({ taskId, metadata }));
    }
    const change = (taskId: string, value: string) =>
      fixture.query(`UPDATE SCHEMA.events SET metadata = ${value} WHERE task_id = $1`, [taskId]);
    await change('jsonb', 'metadata::jsonb::text');
    await change('damaged', 'left(metadata, -1)');
    const find = async (metadata: NonNullable<EntryQuery['metadata']>) =>
      (await listAll({ metadata })).flatMap(({ found }) => found);
    expect(await find({ orderId: 7 })).toEqual(['jsonb', 'number']);
    expect(await find({ orderId: 7, text: '\u0000' })).toEqual(['number']);
    expect(await find({ orderId: 7, other: 'a: b' })).toEqual(['jsonb']);
    expect(await find({ orderId: '7' })).toEqual(['text']);
    expect(await find({ 'a "key": ': 'it\'s "quoted": 1' })).toEqual(['text']);
  });

  test('finds the group of a reason that is cut within a character', async () => {
    const { store } = fixture;
    const reason = `${'x'.repeat(199)}🙈`;
    await store.add(createTestEntry());
    const [claim] = await store.claim('novita', 1, LEASE_MS);
    if (claim === undefined) throw new Error('no entry was claimed');
    expect(await store.settle(claim, { type: 'dead', reason, succeededHandlers: [] })).toBe(true);
    const errorGroup = errorGroupOf(reason) ?? '';
    expect(errorGroup).toHaveLength(199);
    expect((await store.list({ errorGroup })).entries).toMatchObject([{ reason }]);
  });
});
