import assert from 'node:assert/strict';

import type { Store } from '@novita-webhooks/core';
import { createTestEntry } from '../../samples/create-test-entry.ts';
import { MINUTE, addAndClaim, claimOne, stateOf, again, dead, type StoreCase } from './store-subject.ts';

export const operating: readonly StoreCase[] = [
  {
    name: 'replay: after done everything runs again, deduplicated or not',
    async run({ store }) {
      const first = await addAndClaim(store);
      await store.settle(first, { ...again, delayMs: 0 });
      await store.settle(await claimOne(store), { type: 'done' });
      assert.equal(await store.replay(first), true);
      const replayed = await claimOne(store);
      assert.deepEqual(
        [replayed.taskId, replayed.attempts, replayed.succeededHandlers],
        [first.taskId, 1, []],
      );
    },
  },
  {
    name: 'replay: after dead only what had not succeeded runs again',
    async run({ store }) {
      const claim = await addAndClaim(store);
      await store.settle(claim, dead);
      assert.equal(await store.replay(claim), true);
      const replayed = await claimOne(store);
      assert.deepEqual([replayed.attempts, replayed.succeededHandlers], [1, ['one']]);
    },
  },
  {
    name: 'replay: not for what is pending, running or unknown',
    async run({ store }) {
      const entry = createTestEntry();
      await store.add(entry);
      assert.equal(await store.replay(entry), false);
      const claim = await claimOne(store);
      assert.equal(await store.replay(entry), false);
      assert.equal(await store.settle(claim, { type: 'done' }), true);
      assert.equal(await store.replay(createTestEntry()), false);
    },
  },
  {
    name: 'discard: forgets the entry and that its task was seen, but not under a running handler',
    async run({ store }) {
      const claim = await addAndClaim(store);
      assert.equal(await store.discard(claim), false);
      await store.settle(claim, dead);
      assert.equal(await store.discard(claim), true);
      assert.equal(await store.get(claim), undefined);
      assert.equal(await store.discard(claim), false);
      assert.equal(await store.add(createTestEntry({ taskId: claim.taskId })), 'added');
    },
  },
  {
    name: 'promote: makes a pending entry due, and no other',
    skip: ({ store }) => (store.promote ? undefined : 'the store has no promote'),
    async run({ store }) {
      const claim = await addAndClaim(store);
      await store.promote?.(claim);
      assert.equal(await stateOf(store, claim), 'running');
      await store.settle(claim, again);
      await store.promote?.(claim);
      assert.equal((await claimOne(store)).taskId, claim.taskId);
    },
  },
  {
    name: 'list: by state and by endpoint',
    async run({ store }) {
      const claim = await addAndClaim(store);
      await store.settle(claim, dead);
      await store.add(createTestEntry());
      await store.add(createTestEntry({ endpoint: 'other' }));
      const taskIds = async (query: Parameters<Store['list']>[0]) =>
        (await store.list(query)).entries.map(({ taskId }) => taskId);
      assert.deepEqual(await taskIds({ state: 'dead' }), [claim.taskId]);
      assert.equal((await taskIds({ endpoint: 'other' })).length, 1);
      assert.equal((await taskIds({ endpoint: 'other', state: 'dead' })).length, 0);
      assert.equal((await taskIds(undefined)).length, 3);
    },
  },
  {
    name: 'stats: counts by state, and tells how far the work is behind',
    async run({ store, advance }) {
      const one = await addAndClaim(store);
      await store.settle(one, { type: 'done' });
      await store.settle(await addAndClaim(store), dead);
      await addAndClaim(store);
      await store.add(createTestEntry());
      await advance(5000);
      const { lagMs, ...counts } = await store.stats();
      assert.deepEqual(counts, { pending: 1, running: 1, done: 1, dead: 1 });
      assert.ok(lagMs >= 5000 && lagMs < 15_000, `lag ${lagMs}`);
    },
  },
  {
    name: 'purge: forgets what is past its retention, never what is still to be done',
    async run({ store, advance }) {
      const retention = { doneMs: 10 * MINUTE, deadMs: 20 * MINUTE };
      const done = await addAndClaim(store);
      await store.settle(done, { type: 'done' });
      const given = await addAndClaim(store);
      await store.settle(given, dead);
      const waiting = createTestEntry();
      await store.add(waiting);
      await advance(9 * MINUTE);
      assert.equal(await store.deleteExpired(retention), 0);
      await advance(2 * MINUTE);
      assert.equal(await store.deleteExpired(retention), 1);
      assert.equal(await store.get(done), undefined);
      await advance(10 * MINUTE);
      assert.equal(await store.deleteExpired(retention), 1);
      assert.equal(await store.get(given), undefined);
      await advance(1000 * MINUTE);
      assert.equal(await store.deleteExpired(retention), 0);
      assert.equal(await stateOf(store, waiting), 'pending');
      assert.equal(await store.add(createTestEntry({ taskId: done.taskId })), 'added');
    },
  },
];
