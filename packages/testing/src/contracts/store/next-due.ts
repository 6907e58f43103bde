import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { StoreCase } from './store-subject.ts';
import { addAndClaim, LEASE_MS } from './support/claims.ts';
import { MINUTE_MS, retry } from './support/outcomes.ts';

/** `nextDueMs`: lease ends, retries and new entries. */
export const nextDueCases: readonly StoreCase[] = [
  {
    name: 'nextDueMs: returns the time until the next lease end or retry',
    async run({ store }) {
      assert.equal(await store.nextDueMs('novita'), null);
      const claim = await addAndClaim(store);
      const leaseEnd = (await store.nextDueMs('novita')) ?? -1;
      assert.ok(leaseEnd > LEASE_MS / 2 && leaseEnd <= LEASE_MS, `lease ends in ${leaseEnd} ms`);
      await store.settle(claim, retry);
      const nextRetry = (await store.nextDueMs('novita')) ?? -1;
      assert.ok(nextRetry > LEASE_MS && nextRetry <= MINUTE_MS, `retry in ${nextRetry} ms`);
      await store.add(createTestEntry());
      assert.equal(await store.nextDueMs('novita'), 0);
      assert.equal(await store.nextDueMs('other'), null);
    },
  },
];
