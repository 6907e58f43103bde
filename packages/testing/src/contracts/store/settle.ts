import assert from 'node:assert/strict';

import type { Outcome } from '@novita-webhooks/core';
import {
  MINUTE,
  LEASE,
  addAndClaim,
  claimOne,
  claimNothing,
  again,
  dead,
  released,
  type StoreCase,
} from './store-subject.ts';

export const settling: readonly StoreCase[] = [
  {
    name: 'settle: done is final, and the fence is spent',
    async run({ store, advance }) {
      const claim = await addAndClaim(store);
      assert.equal(await store.settle(claim, { type: 'done' }), true);
      assert.equal(await store.settle(claim, again), false);
      assert.equal(await store.extend(claim, LEASE), false);
      await advance(LEASE + MINUTE);
      await claimNothing(store, 'it is done');
      const found = await store.get(claim);
      assert.equal(found?.state, 'done');
      assert.ok(found.finishedAt !== null);
    },
  },
  {
    name: 'settle: again waits for its delay and remembers what went well and what did not',
    async run({ store, advance }) {
      const claim = await addAndClaim(store);
      assert.equal(await store.settle(claim, again), true);
      await claimNothing(store, 'not before its time');
      await advance(MINUTE + 1);
      const next = await claimOne(store);
      assert.deepEqual(
        [next.attempts, next.succeededHandlers, next.reason],
        [2, ['one'], 'it failed'],
      );
    },
  },
  {
    name: 'settle: takes a delay of any length, also one with a fraction',
    async run({ store, advance }) {
      const claim = await addAndClaim(store);
      assert.equal(await store.settle(claim, { ...again, delayMs: 10.37 }), true);
      await advance(11);
      const next = await claimOne(store);
      assert.equal(await store.settle(next, { ...again, delayMs: 1e300 }), true);
      await advance(1000 * MINUTE);
      await claimNothing(store, 'it wanted to wait longer');
    },
  },
  {
    name: 'settle: dead is kept with its reason, and not attempted by itself',
    async run({ store, advance }) {
      const claim = await addAndClaim(store);
      assert.equal(await store.settle(claim, dead), true);
      await advance(LEASE + MINUTE);
      await claimNothing(store, 'it is dead');
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
    name: 'settle: what was recorded as handled stays',
    async run({ store, advance }) {
      const claim = await addAndClaim(store);
      const steps: Outcome[] = [
        { ...again, succeededHandlers: ['one'] },
        { ...again, succeededHandlers: ['two'] },
        { ...released, succeededHandlers: ['three', 'one'] },
        { ...dead, succeededHandlers: [] },
      ];
      for (const [index, step] of steps.entries()) {
        const current = index === 0 ? claim : await claimOne(store);
        assert.equal(await store.settle(current, step), true);
        await advance(MINUTE + 1);
      }
      await store.replay(claim);
      assert.deepEqual([...(await claimOne(store)).succeededHandlers].sort(), [
        'one',
        'three',
        'two',
      ]);
    },
  },
  {
    name: 'settle: nothing for an entry that is not there',
    async run({ store }) {
      const claimRef = { endpoint: 'novita', taskId: 'nobody', fencingToken: '1' };
      assert.equal(await store.settle(claimRef, { type: 'done' }), false);
      assert.equal(await store.extend(claimRef, LEASE), false);
    },
  },
];
