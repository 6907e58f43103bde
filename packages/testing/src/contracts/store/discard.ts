import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { StoreCase } from './store-subject.ts';
import { addAndClaim, keyOf } from './support/claims.ts';
import { dead } from './support/outcomes.ts';

/** `discard`: finished and running entries. */
export const discardCases: readonly StoreCase[] = [
  {
    name: 'discard: deletes a finished entry, not a running one',
    async run({ store }) {
      const claim = await addAndClaim(store);
      assert.equal(await store.discardEntries([keyOf(claim)]), 0);
      await store.settle(claim, dead);
      assert.equal(await store.discardEntries([keyOf(claim)]), 1);
      assert.equal(await store.get(claim), undefined);
      assert.equal(await store.discardEntries([keyOf(claim)]), 0);
      assert.equal(await store.add(createTestEntry({ taskId: claim.taskId })), 'added');
    },
  },
];
