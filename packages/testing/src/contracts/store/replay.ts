import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { StoreCase } from './store-subject.ts';
import { addAndClaim, claimOne, keyOf } from './support/claims.ts';
import { dead, done, retry } from './support/outcomes.ts';

/** `replay`: a new series of attempts for finished entries. */
export const replayCases: readonly StoreCase[] = [
  {
    name: 'replay: after done, all handlers run again in a new series of attempts',
    async run({ store }) {
      const first = await addAndClaim(store);
      await store.settle(first, { ...retry, delayMs: 0 });
      await store.settle(await claimOne(store), done);
      assert.equal(await store.replayEntries([keyOf(first)]), 1);
      const replayed = await claimOne(store);
      assert.deepEqual(
        [replayed.taskId, replayed.attempts, replayed.succeededHandlers],
        [first.taskId, 1, []],
      );
    },
  },
  {
    name: 'replay: after dead, the handlers that succeeded do not run again',
    async run({ store }) {
      const claim = await addAndClaim(store);
      await store.settle(claim, dead);
      assert.equal(await store.replayEntries([keyOf(claim)]), 1);
      const replayed = await claimOne(store);
      assert.deepEqual([replayed.attempts, replayed.succeededHandlers], [1, ['one']]);
    },
  },
  {
    name: 'replay: returns false for a pending, running or unknown entry',
    async run({ store }) {
      const entry = createTestEntry();
      await store.add(entry);
      assert.equal(await store.replayEntries([keyOf(entry)]), 0);
      const claim = await claimOne(store);
      assert.equal(await store.replayEntries([keyOf(entry)]), 0);
      assert.equal(await store.settle(claim, done), true);
      assert.equal(await store.replayEntries([createTestEntry()]), 0);
    },
  },
];
