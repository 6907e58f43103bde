import assert from 'node:assert/strict';

import type { EntryQuery } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { StoreCase } from './store-subject.ts';
import { addAndClaim } from './support/claims.ts';
import { dead } from './support/outcomes.ts';

/** `list`: filters. */
export const listCases: readonly StoreCase[] = [
  {
    name: 'list: filters by state and endpoint',
    async run({ store }) {
      const claim = await addAndClaim(store);
      await store.settle(claim, dead);
      await store.add(createTestEntry());
      await store.add(createTestEntry({ endpoint: 'other' }));
      const taskIds = async (query?: EntryQuery) =>
        (await store.list(query)).entries.map(({ taskId }) => taskId);
      assert.deepEqual(await taskIds({ states: ['dead'] }), [claim.taskId]);
      assert.equal((await taskIds({ endpoint: 'other' })).length, 1);
      assert.equal((await taskIds({ endpoint: 'other', states: ['dead'] })).length, 0);
      assert.equal((await taskIds()).length, 3);
    },
  },
];
