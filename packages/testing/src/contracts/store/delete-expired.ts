import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { createBoundTokenId } from '../entry/bound-token.ts';
import { stateOf } from '../entry/entry-port.ts';
import type { StoreCase } from './store-subject.ts';
import { addAndClaim } from './support/claims.ts';
import { dead, done, MINUTE_MS } from './support/outcomes.ts';

/** `deleteExpired`: retention of done and dead entries. */
export const deleteExpiredCases: readonly StoreCase[] = [
  {
    name: 'deleteExpired: deletes finished entries past their retention only',
    async run({ store, advance }) {
      const retention = { doneMs: 10 * MINUTE_MS, deadMs: 20 * MINUTE_MS };
      const doneClaim = await addAndClaim(store);
      await store.settle(doneClaim, done);
      const deadClaim = await addAndClaim(store);
      await store.settle(deadClaim, dead);
      const pending = createTestEntry();
      await store.add(pending);
      await advance(9 * MINUTE_MS);
      assert.equal(await store.deleteExpired(retention), 0);
      await advance(2 * MINUTE_MS);
      assert.equal(await store.deleteExpired(retention), 1);
      assert.equal(await store.get(doneClaim), undefined);
      await advance(10 * MINUTE_MS);
      assert.equal(await store.deleteExpired(retention), 1);
      assert.equal(await store.get(deadClaim), undefined);
      await advance(1000 * MINUTE_MS);
      assert.equal(await store.deleteExpired(retention), 0);
      assert.equal(await stateOf(store, pending), 'pending');
      assert.equal(await store.add(createTestEntry({ taskId: doneClaim.taskId })), 'added');
    },
  },
  {
    name: 'deleteExpired: a deleted entry gives its bound token back',
    skip: ({ store }) =>
      store.capabilities.bindsTokens === true ? undefined : 'it does not declare bindsTokens',
    async run({ store, advance }) {
      const tokenId = createBoundTokenId();
      await store.settle(await addAndClaim(store, createTestEntry({ tokenId })), done);
      assert.equal(await store.add(createTestEntry({ tokenId })), 'other_task');
      await advance(2 * MINUTE_MS);
      assert.equal(await store.deleteExpired({ doneMs: MINUTE_MS, deadMs: MINUTE_MS }), 1);
      assert.equal(await store.add(createTestEntry({ tokenId })), 'added');
    },
  },
];
