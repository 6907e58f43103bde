import assert from 'node:assert/strict';

import type { EntryKey, Outcome, Store } from '@novita-webhooks/core';

import type { StoreCase } from './store-subject.ts';
import { addAndClaim, assertNothingToClaim, claimOne, LEASE_MS, keyOf } from './support/claims.ts';
import { dead, done, MINUTE_MS, released, retry } from './support/outcomes.ts';

/** The reason, the state, and which task its error group finds. */
async function reasonsOf(store: Store, key: EntryKey) {
  const entry = await store.get(key);
  const { entries } = await store.list({ errorGroup: 'waiting for order <n>' });
  return [entry?.reason, entry?.state, entries[0]?.taskId];
}

/** `settle`: the outcomes done, retry, dead and released. */
export const settleCases: readonly StoreCase[] = [
  {
    name: 'settle: done is final and invalidates the fencing token',
    async run({ store, advance }) {
      const claim = await addAndClaim(store);
      assert.equal(await store.settle(claim, done), true);
      assert.equal(await store.settle(claim, retry), false);
      assert.equal(await store.extend(claim, LEASE_MS), false);
      await advance(LEASE_MS + MINUTE_MS);
      await assertNothingToClaim(store, 'it is done');
      const found = await store.get(claim);
      assert.equal(found?.state, 'done');
      assert.ok(found.finishedAt !== null);
    },
  },
  {
    name: 'settle: retry keeps reason and succeeded handlers, due after its delay',
    async run({ store, advance }) {
      const claim = await addAndClaim(store);
      assert.equal(await store.settle(claim, retry), true);
      await assertNothingToClaim(store, 'the retry delay has not passed');
      await advance(MINUTE_MS + 1);
      const next = await claimOne(store);
      assert.deepEqual(
        [next.attempts, next.succeededHandlers, next.reason],
        [2, ['one'], 'it failed'],
      );
    },
  },
  {
    name: 'settle: accepts a fractional and a very large delay',
    async run({ store, advance }) {
      const claim = await addAndClaim(store);
      assert.equal(await store.settle(claim, { ...retry, delayMs: 10.37 }), true);
      await advance(11);
      const next = await claimOne(store);
      assert.equal(await store.settle(next, { ...retry, delayMs: 1e300 }), true);
      await advance(1000 * MINUTE_MS);
      await assertNothingToClaim(store, 'the delay is longer');
    },
  },
  {
    name: 'settle: a dead entry keeps its reason and is not claimed again',
    async run({ store, advance }) {
      const claim = await addAndClaim(store);
      assert.equal(await store.settle(claim, dead), true);
      await advance(LEASE_MS + MINUTE_MS);
      await assertNothingToClaim(store, 'it is dead');
      const found = await store.get(claim);
      assert.deepEqual([found?.state, found?.reason], ['dead', 'it cannot work']);
    },
  },
  {
    name: 'settle: released does not count as an attempt',
    async run({ store }) {
      const claim = await addAndClaim(store);
      assert.equal(await store.settle(claim, released), true);
      const next = await claimOne(store);
      assert.deepEqual([next.attempts, next.succeededHandlers], [1, ['one']]);
    },
  },
  {
    name: 'settle: released may say why the entry waits; without a reason it keeps the one it has',
    async run({ store }) {
      const claim = await addAndClaim(store);
      const reason = 'waiting for order 4711';
      assert.equal(await store.settle(claim, { ...released, reason }), true);
      assert.deepEqual(await reasonsOf(store, claim), [reason, 'pending', claim.taskId]);
      assert.equal(await store.settle(await claimOne(store), released), true);
      assert.deepEqual(await reasonsOf(store, claim), [reason, 'pending', claim.taskId]);
      assert.equal(await store.settle(await claimOne(store), done), true);
      assert.deepEqual(await reasonsOf(store, claim), [null, 'done', undefined]);
    },
  },
  {
    name: 'settle: succeeded handlers accumulate over all outcomes of a series',
    async run({ store, advance }) {
      const claim = await addAndClaim(store);
      const steps: Outcome[] = [
        { ...retry, succeededHandlers: ['one'] },
        { ...retry, succeededHandlers: ['two'] },
        { ...released, succeededHandlers: ['three', 'one'] },
        { ...dead, succeededHandlers: [] },
      ];
      for (const [index, step] of steps.entries()) {
        const current = index === 0 ? claim : await claimOne(store);
        assert.equal(await store.settle(current, step), true);
        await advance(MINUTE_MS + 1);
      }
      await store.replayEntries([keyOf(claim)]);
      assert.deepEqual([...(await claimOne(store)).succeededHandlers].sort(), [
        'one',
        'three',
        'two',
      ]);
    },
  },
  {
    name: 'settle: returns false for an unknown entry, as does extend',
    async run({ store }) {
      const claimRef = { endpoint: 'novita', taskId: 'unknown', fencingToken: '1' };
      assert.equal(await store.settle(claimRef, done), false);
      assert.equal(await store.extend(claimRef, LEASE_MS), false);
    },
  },
];
