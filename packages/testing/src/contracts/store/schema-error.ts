import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { createBoundTokenId } from '../entry/bound-token.ts';
import type { StoreCase } from './store-subject.ts';
import { addAndClaim, claimOne, LEASE_MS } from './support/claims.ts';
import { dead, done } from './support/outcomes.ts';

/** An entry with a schema error, and a valid event for the same task. */
export const schemaErrorCases: readonly StoreCase[] = [
  {
    name: 'schema error: a valid event replaces a dead invalid one, not vice versa',
    async run({ store }) {
      const invalid = createTestEntry({ schemaError: 'images: not a list', body: '{"invalid":1}' });
      const valid = { ...invalid, schemaError: null, body: '{"valid":1}' };
      const claim = await addAndClaim(store, invalid);
      assert.equal(await store.add(invalid), 'duplicate');
      assert.equal(await store.settle(claim, dead), true);
      assert.equal(await store.add(valid), 'added');
      const found = await store.get(valid);
      assert.deepEqual([found?.state, found?.body, found?.attempts], ['pending', '{"valid":1}', 0]);
      assert.equal(await store.add(invalid), 'duplicate', 'never the reverse');
    },
  },
  {
    name: 'schema error: a claim of a replaced entry loses its lease',
    async run({ store }) {
      const invalid = createTestEntry({ schemaError: 'images: not a list' });
      const claim = await addAndClaim(store, invalid);
      assert.equal(await store.add({ ...invalid, schemaError: null }), 'added');
      assert.equal(await store.settle(claim, dead), false);
      assert.equal(await store.extend(claim, LEASE_MS), false);
      assert.equal((await claimOne(store)).schemaError, null);
    },
  },
  {
    name: 'schema error: a done entry is not replaced',
    async run({ store }) {
      const invalid = createTestEntry({ schemaError: 'images: not a list' });
      await store.settle(await addAndClaim(store, invalid), done);
      const valid = { ...invalid, schemaError: null };
      assert.equal(await store.add(valid), 'duplicate');
      const other = createTestEntry({ tokenId: createBoundTokenId() });
      assert.equal(await store.add(other), 'added');
      const { tokenId } = other;
      assert.equal(await store.add({ ...valid, tokenId }), 'duplicate', 'with any token');
    },
  },
];
