import assert from 'node:assert/strict';

import { stateOf } from '../entry/entry-port.ts';
import type { StoreCase } from './store-subject.ts';
import { addAndClaim, claimOne } from './support/claims.ts';
import { retry } from './support/outcomes.ts';

/** `promote`: pending and running entries. */
export const promoteCases: readonly StoreCase[] = [
  {
    name: 'promote: makes a pending entry due now, not a running one',
    skip: ({ store }) => (store.promote ? undefined : 'the store has no promote'),
    async run({ store }) {
      const claim = await addAndClaim(store);
      await store.promote?.(claim);
      assert.equal(await stateOf(store, claim), 'running');
      await store.settle(claim, retry);
      await store.promote?.(claim);
      assert.equal((await claimOne(store)).taskId, claim.taskId);
    },
  },
];
