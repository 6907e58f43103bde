import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { stateOf } from '../entry/entry-port.ts';
import type { StoreCase } from './store-subject.ts';
import {
  addAndClaim,
  assertNothingToClaim,
  claimOne,
  LEASE_MS,
  takeOver,
} from './support/claims.ts';
import { done, MINUTE_MS } from './support/outcomes.ts';

/** `claim`: exclusive, in order, with a lease and a new fencing token. */
export const claimCases: readonly StoreCase[] = [
  {
    name: 'claim: concurrent claims never return the same entry',
    async run({ store }) {
      for (let index = 0; index < 50; index += 1) await store.add(createTestEntry());
      const claims = await Promise.all(
        Array.from({ length: 20 }, async () => store.claim('novita', 5, LEASE_MS)),
      );
      const claimed = claims.flat().map(({ taskId }) => taskId);
      assert.equal(claimed.length, 50);
      assert.equal(new Set(claimed).size, 50);
    },
  },
  {
    name: 'claim: returns only entries of the given endpoint',
    async run({ store }) {
      await store.add(createTestEntry({ endpoint: 'other' }));
      await assertNothingToClaim(store, 'the entry is of another endpoint');
      assert.equal((await store.claim('other', 1, LEASE_MS)).length, 1);
    },
  },
  {
    name: 'claim: returns at most `limit` entries, the longest due first',
    async run({ store, advance }) {
      const taskIds: string[] = [];
      for (let index = 0; index < 3; index += 1) {
        const entry = createTestEntry();
        taskIds.push(entry.taskId);
        await store.add(entry);
        await advance(10);
      }
      const claims = [...(await store.claim('novita', 2, LEASE_MS)), await claimOne(store)];
      assert.deepEqual(
        claims.map(({ taskId }) => taskId),
        taskIds,
      );
    },
  },
  {
    name: 'claim: begins an attempt and issues a new fencing token',
    async run(subject) {
      const { store } = subject;
      const fencingTokens = new Set<string>();
      await store.add(createTestEntry());
      for (let attempt = 1; attempt <= 3; attempt += 1) {
        const claim = attempt === 1 ? await claimOne(store) : await takeOver(subject);
        assert.equal(claim.attempts, attempt);
        assert.equal(claim.state, 'running');
        fencingTokens.add(claim.fencingToken);
      }
      assert.equal(fencingTokens.size, 3);
    },
  },
  {
    name: 'claim: the lease begins at the claim, not when the entry was added',
    async run({ store, advance }) {
      await store.add(createTestEntry());
      await advance(30 * MINUTE_MS);
      await claimOne(store);
      await advance(LEASE_MS - 1000);
      await assertNothingToClaim(store, 'the lease has not expired');
    },
  },
  {
    name: 'claim: takes over an expired lease and invalidates the earlier claim',
    async run(subject) {
      const { store } = subject;
      const first = await addAndClaim(store);
      const second = await takeOver(subject);
      assert.equal(second.taskId, first.taskId);
      assert.equal(await store.extend(first, LEASE_MS), false);
      assert.equal(await store.settle(first, done), false);
      assert.equal(await stateOf(store, first), 'running');
      assert.equal(await store.settle(second, done), true);
      assert.equal(await stateOf(store, first), 'done');
    },
  },
];
