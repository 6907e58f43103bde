import { createTestEntry } from '@novita-webhooks/testing';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { explain } from './support/explain.ts';
import { openScene, type Scene } from './support/store-fixture.ts';
import { url } from './support/test-database.ts';

const LEASE_MS = 30_000;

describe.skipIf(url === undefined)('adding to PostgreSQL', () => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await openScene();
  });
  afterAll(() => scene.close());

  test('of equal keys over two pools, in any order and group, each is added once', async () => {
    const stores = [scene.store, scene.openPeer(), scene.openPeer()];
    for (let round = 0; round < 15; round += 1) {
      const entries = Array.from({ length: 40 }, () => createTestEntry());
      const answers = await Promise.all(
        stores.map((store, index) =>
          Promise.all((index === 0 ? entries : entries.toReversed()).map((one) => store.add(one))),
        ),
      );
      const added = answers.flat().filter((answer) => answer === 'added');
      expect(added).toHaveLength(entries.length);
    }
    const counts = await scene.query<{ count: number }>(
      'SELECT count(*)::integer AS count FROM SCHEMA.events',
    );
    expect(counts).toEqual([{ count: 15 * 40 }]);
  });

  test('one that cannot be written does not take the others with it', async () => {
    const good = Array.from({ length: 20 }, () => createTestEntry());
    const bad = createTestEntry({ receivedAt: 1e300 });
    const results = await Promise.allSettled([...good, bad, ...good].map(scene.store.add));
    const answers = results.map((one) => (one.status === 'fulfilled' ? one.value : 'refused'));
    expect(answers.filter((answer) => answer === 'added')).toHaveLength(20);
    expect(answers.filter((answer) => answer === 'duplicate')).toHaveLength(20);
    expect(answers[20]).toBe('refused');
  });

  test('what text columns do not take is no reason to lose an event', async () => {
    const schemaError = 'a \0 and half a \ud83d';
    const entry = createTestEntry({ schemaError });
    expect(await scene.store.add(entry)).toBe('added');
    expect((await scene.store.get(entry))?.schemaError).toBe('a \ufffd and half a \ufffd');
    const [claim] = await scene.store.claim('novita', 1000, LEASE_MS);
    if (claim === undefined) throw new Error('there is nothing to claim');
    const outcome = { type: 'dead', reason: 'no \0', succeededHandlers: ['\0'] } as const;
    expect(await scene.store.settle(claim, outcome)).toBe(true);
    expect((await scene.store.get(claim))?.reason).toBe('no \ufffd');
  });

  test('many that drifted give way at once, whoever holds them, and to one each', async () => {
    const peer = scene.openPeer();
    const drifted = Array.from({ length: 30 }, () =>
      createTestEntry({ schemaError: 'images: not a list' }),
    );
    await Promise.all(drifted.map(scene.store.add));
    const fits = drifted.map((one) => ({ ...one, schemaError: null, body: '{"fits":true}' }));
    const running = scene.store.claim('novita', 10, LEASE_MS);
    const answers = await Promise.all([...fits.map(scene.store.add), ...fits.map(peer.add)]);
    expect(answers.filter((answer) => answer === 'added')).toHaveLength(30);
    for (const claim of await running) {
      if (claim.schemaError !== null)
        expect(await scene.store.settle(claim, { type: 'done' })).toBe(false);
    }
    for (const one of fits) {
      const found = await scene.store.get(one);
      expect([found?.schemaError, found?.body]).toEqual([null, '{"fits":true}']);
    }
  });

  test('an event that fits is no duplicate of one that drifted and is replayed at that moment', async () => {
    const { store, pool, schema } = scene;
    const drifted = createTestEntry({ endpoint: 'replayed', schemaError: 'images: not a list' });
    await store.add(drifted);
    const [claim] = await store.claim('replayed', 1, LEASE_MS);
    if (claim === undefined) throw new Error('there is nothing to claim');
    await store.settle(claim, { type: 'dead', reason: 'drifted', succeededHandlers: [] });
    const replaying = await pool.connect();
    await replaying.query(`
      BEGIN;
      WITH again AS (DELETE FROM ${schema}.finished_entries RETURNING id)
      INSERT INTO ${schema}.pending_entries (id, endpoint, due_at) SELECT id, 'replayed', now() FROM again`);
    const adding = store.add({ ...drifted, schemaError: null });
    const isWaiting = async () =>
      (
        await scene.query(`
        SELECT FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND query LIKE '%DELETE FROM "${schema}".pending_entries%'`)
      ).length;
    while (!(await isWaiting())) await pause(10);
    await replaying.query('COMMIT');
    replaying.release();
    expect(await adding).toBe('added');
    expect((await store.get(drifted))?.schemaError).toBeNull();
  });

  test('a duplicate is confirmed by a commit of its own, which waits for what commits wait for', async () => {
    const entry = createTestEntry();
    await scene.store.add(entry);
    for (let round = 0; round < 3; round += 1) {
      const [plan] = await explain(scene.pool, scene.schema, (store) => store.add(entry));
      expect(plan?.walRecords).toBeGreaterThan(0);
    }
  });

  test('so is one of an event that had drifted, and was handled all the same', async () => {
    const drifted = createTestEntry({ endpoint: 'handled', schemaError: 'images: not a list' });
    await scene.store.add(drifted);
    const [claim] = await scene.store.claim('handled', 1, LEASE_MS);
    if (claim === undefined) throw new Error('there is nothing to claim');
    await scene.store.settle(claim, { type: 'done' });
    const fits = { ...drifted, schemaError: null };
    expect(await scene.store.add(fits)).toBe('duplicate');
    const plans = await explain(scene.pool, scene.schema, (store) => store.add(fits));
    expect(plans.at(-1)?.walRecords).toBeGreaterThan(0);
  });
});
