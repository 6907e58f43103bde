import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { StoreCase } from './store-subject.ts';
import { addAndClaim, assertNothingToClaim } from './support/claims.ts';
import { dead, done } from './support/outcomes.ts';

/** `add`: finished entries are duplicates. */
export const addCases: readonly StoreCase[] = [
  {
    name: 'add: returns duplicate for an entry that is done or dead',
    async run({ store }) {
      for (const outcome of [done, dead]) {
        const claim = await addAndClaim(store);
        assert.equal(await store.settle(claim, outcome), true);
        assert.equal(await store.add(createTestEntry({ taskId: claim.taskId })), 'duplicate');
      }
      await assertNothingToClaim(store, 'nothing was added');
    },
  },
];
