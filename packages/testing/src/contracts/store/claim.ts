import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import {
  MINUTE,
  LEASE,
  addAndClaim,
  claimOne,
  claimNothing,
  stateOf,
  again,
  type StoreCase,
} from './store-subject.ts';

export const claiming: readonly StoreCase[] = [
  {
    name: 'claim: each entry goes to one worker only',
    async run({ store }) {
      for (let index = 0; index < 50; index += 1) await store.add(createTestEntry());
      const claims = await Promise.all(
        Array.from({ length: 20 }, () => store.claim('novita', 5, LEASE)),
      );
      const taken = claims.flat().map(({ taskId }) => taskId);
      assert.equal(taken.length, 50);
      assert.equal(new Set(taken).size, 50);
    },
  },
  {
    name: 'claim: only entries of the endpoint',
    async run({ store }) {
      await store.add(createTestEntry({ endpoint: 'other' }));
      await claimNothing(store, 'the entry is of another endpoint');
      assert.equal((await store.claim('other', 1, LEASE)).length, 1);
    },
  },
  {
    name: 'claim: the longest due first, no more than asked for',
    async run({ store, advance }) {
      const taskIds: string[] = [];
      for (let index = 0; index < 3; index += 1) {
        const entry = createTestEntry();
        taskIds.push(entry.taskId);
        await store.add(entry);
        await advance(10);
      }
      const claims = [...(await store.claim('novita', 2, LEASE)), await claimOne(store)];
      assert.deepEqual(
        claims.map(({ taskId }) => taskId),
        taskIds,
      );
    },
  },
  {
    name: 'claim: begins an attempt, under a fence never used before',
    async run({ store, advance }) {
      const fences = new Set<string>();
      const entry = createTestEntry();
      await store.add(entry);
      for (let attempt = 1; attempt <= 3; attempt += 1) {
        const claim = await claimOne(store);
        assert.equal(claim.attempts, attempt);
        assert.equal(claim.state, 'running');
        fences.add(claim.fencingToken);
        await advance(LEASE + 1);
      }
      assert.equal(fences.size, 3);
    },
  },
  {
    name: 'lease: measured from the claim, however long the entry had waited',
    async run({ store, advance }) {
      await store.add(createTestEntry());
      await advance(30 * MINUTE);
      await claimOne(store);
      await advance(LEASE - 1000);
      await claimNothing(store, 'the lease still holds');
    },
  },
  {
    name: 'lease: when it ends, another worker takes over and the first one is refused',
    async run({ store, advance }) {
      const first = await addAndClaim(store);
      await advance(LEASE + 1);
      const second = await claimOne(store);
      assert.equal(second.taskId, first.taskId);
      assert.equal(await store.extend(first, LEASE), false);
      assert.equal(await store.settle(first, { type: 'done' }), false);
      assert.equal(await stateOf(store, first), 'running');
      assert.equal(await store.settle(second, { type: 'done' }), true);
      assert.equal(await stateOf(store, first), 'done');
    },
  },
  {
    name: 'lease: extended, it holds from then on',
    async run({ store, advance }) {
      const claim = await addAndClaim(store);
      for (let beat = 0; beat < 5; beat += 1) {
        await advance(LEASE - 1000);
        assert.equal(await store.extend(claim, LEASE), true);
      }
      await claimNothing(store, 'the lease was extended');
      await advance(LEASE + 1);
      assert.equal((await claimOne(store)).taskId, claim.taskId);
    },
  },
  {
    name: 'nextDueMs: tells when there may be something to claim',
    async run({ store }) {
      assert.equal(await store.nextDueMs('novita'), null);
      const claim = await addAndClaim(store);
      const lease = (await store.nextDueMs('novita')) ?? -1;
      assert.ok(lease > LEASE / 2 && lease <= LEASE, `lease ends in ${lease}`);
      await store.settle(claim, again);
      const retry = (await store.nextDueMs('novita')) ?? -1;
      assert.ok(retry > LEASE && retry <= MINUTE, `retry in ${retry}`);
      await store.add(createTestEntry());
      assert.equal(await store.nextDueMs('novita'), 0);
      assert.equal(await store.nextDueMs('other'), null);
    },
  },
];
