import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { StoreCase } from './store-subject.ts';
import { addAndClaim } from './support/claims.ts';
import { dead, done } from './support/outcomes.ts';

/** `stats`: counts and lag. */
export const statsCases: readonly StoreCase[] = [
  {
    name: 'stats: counts entries by state and the lag of the oldest due entry',
    async run({ store, advance }) {
      await store.settle(await addAndClaim(store), done);
      await store.settle(await addAndClaim(store), dead);
      await addAndClaim(store);
      await store.add(createTestEntry());
      await advance(5000);
      const { lagMs, expected, ...counts } = await store.stats();
      assert.ok(expected === 0 || expected === null, `${expected} expected`);
      assert.deepEqual(counts, { pending: 1, running: 1, done: 1, dead: 1 });
      assert.ok(lagMs >= 5000 && lagMs < 15_000, `lag ${lagMs} ms`);
    },
  },
];
