import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { LEASE, addAndClaim, claimOne, claimNothing, dead, type StoreCase } from './store-subject.ts';

export const adding: readonly StoreCase[] = [
  {
    name: 'add: a done or dead entry still makes a duplicate',
    async run({ store }) {
      const done = await addAndClaim(store);
      assert.equal(await store.settle(done, { type: 'done' }), true);
      assert.equal(await store.add(createTestEntry({ taskId: done.taskId })), 'duplicate');
      const given = await addAndClaim(store);
      assert.equal(await store.settle(given, dead), true);
      assert.equal(await store.add(createTestEntry({ taskId: given.taskId })), 'duplicate');
      await claimNothing(store, 'nothing was added');
    },
  },
  {
    name: 'add: a drifted entry gives way to one that fits, in any state but done',
    async run({ store }) {
      const drifted = createTestEntry({ schemaError: 'images: not a list', body: '{"drifted":1}' });
      const fits = { ...drifted, schemaError: null, body: '{"fits":1}' };
      const claim = await addAndClaim(store, drifted);
      assert.equal(await store.add(drifted), 'duplicate');
      assert.equal(await store.settle(claim, dead), true);
      assert.equal(await store.add(fits), 'added');
      const found = await store.get(fits);
      assert.deepEqual([found?.state, found?.body, found?.attempts], ['pending', '{"fits":1}', 0]);
      assert.equal(await store.add(drifted), 'duplicate', 'and never the other way round');
    },
  },
  {
    name: 'add: whoever runs a drifted entry that gave way has lost it',
    async run({ store }) {
      const drifted = createTestEntry({ schemaError: 'images: not a list' });
      const claim = await addAndClaim(store, drifted);
      assert.equal(await store.add({ ...drifted, schemaError: null }), 'added');
      assert.equal(await store.settle(claim, dead), false);
      assert.equal(await store.extend(claim, LEASE), false);
      assert.equal((await claimOne(store)).schemaError, null);
    },
  },
  {
    name: 'add: a drifted entry that was handled after all stays',
    async run({ store }) {
      const drifted = createTestEntry({ schemaError: 'images: not a list' });
      await store.settle(await addAndClaim(store, drifted), { type: 'done' });
      assert.equal(await store.add({ ...drifted, schemaError: null }), 'duplicate');
    },
  },
];
