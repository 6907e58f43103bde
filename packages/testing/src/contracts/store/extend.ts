import assert from 'node:assert/strict';

import type { StoreCase } from './store-subject.ts';
import { addAndClaim, assertNothingToClaim, LEASE_MS, takeOver } from './support/claims.ts';

/** `extend`: renewal of a lease. */
export const extendCases: readonly StoreCase[] = [
  {
    name: 'extend: the lease ends its full duration after the last extension',
    async run(subject) {
      const { store, advance } = subject;
      const claim = await addAndClaim(store);
      for (let heartbeat = 0; heartbeat < 5; heartbeat += 1) {
        await advance(LEASE_MS - 1000);
        assert.equal(await store.extend(claim, LEASE_MS), true);
      }
      await assertNothingToClaim(store, 'the lease was extended');
      assert.equal((await takeOver(subject)).taskId, claim.taskId);
    },
  },
];
