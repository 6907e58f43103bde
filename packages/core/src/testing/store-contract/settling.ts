import assert from 'node:assert/strict';

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
} from './subject.ts';

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
      assert.ok(found.settledAt !== null);
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
      assert.deepEqual([next.attempts, next.handled, next.reason], [2, ['one'], 'it failed']);
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
      assert.deepEqual([next.attempts, next.handled], [1, ['one']]);
    },
  },
  {
    name: 'settle: nothing for an entry that is not there',
    async run({ store }) {
      const fence = { endpoint: 'novita', taskId: 'nobody', fence: '1' };
      assert.equal(await store.settle(fence, { type: 'done' }), false);
      assert.equal(await store.extend(fence, LEASE), false);
    },
  },
];
