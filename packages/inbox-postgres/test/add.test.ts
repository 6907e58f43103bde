import { createTestEntry } from '@novita-webhooks/testing';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { explain } from './support/explain.ts';
import { openStoreFixture, type StoreFixture } from './support/store-fixture.ts';
import { url } from './support/test-database.ts';

const LEASE_MS = 30_000;
const DEADLOCK = '40P01';

describe.skipIf(url === undefined)('add on PostgreSQL', () => {
  let fixture: StoreFixture;

  beforeAll(async () => {
    fixture = await openStoreFixture();
  });
  afterAll(() => fixture.close());

  test('adds each key once when three stores add the same keys concurrently', async () => {
    const stores = [fixture.store, fixture.openPeer(), fixture.openPeer()];
    for (let round = 0; round < 15; round += 1) {
      const entries = Array.from({ length: 40 }, () => createTestEntry());
      const answers = await Promise.all(
        stores.map((store, index) =>
          Promise.all(
            (index === 0 ? entries : entries.toReversed()).map(async (one) => store.add(one)),
          ),
        ),
      );
      const added = answers.flat().filter((answer) => answer === 'added');
      expect(added).toHaveLength(entries.length);
    }
    const counts = await fixture.query<{ count: number }>(
      'SELECT count(*)::integer AS count FROM SCHEMA.events',
    );
    expect(counts).toEqual([{ count: 15 * 40 }]);
  });

  test('adds each token for one task once, without a deadlock, when batches have crossed tokens', async () => {
    const peers = Array.from({ length: 4 }, () => fixture.openPeer());
    const endpoint = 'crossed';
    const tokens = Array.from({ length: 40 }, (_, n) => n);
    for (let round = 0; round < 12; round += 1) {
      const tokenOf = (n: number) => `once:${round}-${n}`;
      const invalid = createTestEntry({ endpoint, schemaError: 'images: not a list' });
      await fixture.store.add(invalid);
      const entriesOf = (peer: number) =>
        tokens.map((n) => {
          const taskId = `${round}-${peer}-${String(n).padStart(2, '0')}`;
          const token = peer % 2 === 0 ? n : tokens.length - 1 - n; // the other way round
          return createTestEntry({ endpoint, taskId, tokenId: tokenOf(token) });
        });
      const answers = await Promise.all(
        peers.flatMap((store, peer) =>
          [...entriesOf(peer), { ...invalid, schemaError: null, tokenId: tokenOf(peer) }].map(
            async (entry) => store.add(entry),
          ),
        ),
      );
      expect(answers.filter((answer) => answer === 'added')).toHaveLength(tokens.length);
    }
    expect(fixture.failures()).not.toContain(DEADLOCK);
  });

  test('rejects an entry that cannot be stored, but not the rest of its batch', async () => {
    const good = Array.from({ length: 20 }, () => createTestEntry());
    const bad = createTestEntry({ receivedAt: 1e300 });
    const results = await Promise.allSettled(
      [...good, bad, ...good].map(async (one) => fixture.store.add(one)),
    );
    const answers = results.map((one) => (one.status === 'fulfilled' ? one.value : 'rejected'));
    expect(answers.filter((answer) => answer === 'added')).toHaveLength(20);
    expect(answers.filter((answer) => answer === 'duplicate')).toHaveLength(20);
    expect(answers[20]).toBe('rejected');
  });

  test('replaces characters that a text column rejects', async () => {
    const schemaError = 'a \0 and half a \ud83d';
    const entry = createTestEntry({ schemaError });
    expect(await fixture.store.add(entry)).toBe('added');
    expect((await fixture.store.get(entry))?.schemaError).toBe('a \ufffd and half a \ufffd');
    const [claim] = await fixture.store.claim('novita', 1000, LEASE_MS);
    if (claim === undefined) throw new Error('no entry was claimed');
    const outcome = { type: 'dead', reason: 'no \0', succeededHandlers: ['\0'] } as const;
    expect(await fixture.store.settle(claim, outcome)).toBe(true);
    expect((await fixture.store.get(claim))?.reason).toBe('no \ufffd');
  });

  test('replaces entries with schema errors once each, also while they run', async () => {
    const peer = fixture.openPeer();
    const invalid = Array.from({ length: 30 }, () =>
      createTestEntry({ schemaError: 'images: not a list' }),
    );
    await Promise.all(invalid.map(async (one) => fixture.store.add(one)));
    const valid = invalid.map((one) => ({ ...one, schemaError: null, body: '{"valid":true}' }));
    const running = fixture.store.claim('novita', 10, LEASE_MS);
    const answers = await Promise.all([...valid.map(fixture.store.add), ...valid.map(peer.add)]);
    expect(answers.filter((answer) => answer === 'added')).toHaveLength(30);
    for (const claim of await running) {
      if (claim.schemaError !== null)
        expect(await fixture.store.settle(claim, { type: 'done' })).toBe(false);
    }
    for (const one of valid) {
      const found = await fixture.store.get(one);
      expect([found?.schemaError, found?.body]).toEqual([null, '{"valid":true}']);
    }
  });

  test('replaces a dead letter with a schema error during its replay', async () => {
    const { store, pool, schema } = fixture;
    const invalid = createTestEntry({ endpoint: 'replayed', schemaError: 'images: not a list' });
    await store.add(invalid);
    const [claim] = await store.claim('replayed', 1, LEASE_MS);
    if (claim === undefined) throw new Error('no entry was claimed');
    await store.settle(claim, { type: 'dead', reason: 'schema error', succeededHandlers: [] });
    const replaying = await pool.connect();
    await replaying.query(`
      BEGIN;
      WITH replayed AS (DELETE FROM ${schema}.finished_entries RETURNING id)
      INSERT INTO ${schema}.pending_entries (id, endpoint, due_at) SELECT id, 'replayed', now() FROM replayed`);
    const adding = store.add({ ...invalid, schemaError: null });
    const isWaiting = async () =>
      (
        await fixture.query(`
        SELECT FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND query LIKE '%DELETE FROM "${schema}".pending_entries%'`)
      ).length;
    while (!(await isWaiting())) await pause(10);
    await replaying.query('COMMIT');
    replaying.release();
    expect(await adding).toBe('added');
    expect((await store.get(invalid))?.schemaError).toBeNull();
  });

  test('writes WAL for a duplicate, so that its commit waits for a standby', async () => {
    const entry = createTestEntry();
    await fixture.store.add(entry);
    for (let round = 0; round < 3; round += 1) {
      const [plan] = await explain(fixture.pool, fixture.schema, (store) => store.add(entry));
      expect(plan?.walRecords).toBeGreaterThan(0);
    }
  });

  test('writes WAL for a duplicate of a done entry with a schema error', async () => {
    const invalid = createTestEntry({ endpoint: 'done', schemaError: 'images: not a list' });
    await fixture.store.add(invalid);
    const [claim] = await fixture.store.claim('done', 1, LEASE_MS);
    if (claim === undefined) throw new Error('no entry was claimed');
    await fixture.store.settle(claim, { type: 'done' });
    const valid = { ...invalid, schemaError: null };
    expect(await fixture.store.add(valid)).toBe('duplicate');
    const plans = await explain(fixture.pool, fixture.schema, (store) => store.add(valid));
    expect(plans.at(-1)?.walRecords).toBeGreaterThan(0);
  });
});
