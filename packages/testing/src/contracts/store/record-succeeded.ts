import assert from 'node:assert/strict';

import type { Claim, Store } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { stateOf } from '../entry/entry-port.ts';
import type { StoreCase } from './store-subject.ts';
import { addAndClaim, claimOne, LEASE_MS, takeOver, keyOf } from './support/claims.ts';
import { dead, done, MINUTE_MS, retry } from './support/outcomes.ts';

const record = (store: Store, claim: Claim, ...names: string[]) =>
  store.recordSucceeded?.(claim, names);

const namesOf = async (store: Store, claim: Claim) =>
  [...((await store.get(claim))?.succeededHandlers ?? [])].sort();

const cases: readonly StoreCase[] = [
  {
    name: 'recordSucceeded: keeps the names of a claim that was taken over, and nothing else',
    async run(subject) {
      const { store } = subject;
      const first = await addAndClaim(store);
      const second = await takeOver(subject);
      const before = await store.get(second);
      assert.equal(await store.settle(first, done), false);
      assert.equal(await record(store, first, 'one'), true);
      assert.deepEqual(await store.get(second), { ...before, succeededHandlers: ['one'] });
      assert.equal(await store.extend(second, LEASE_MS), true, 'the later claim stays valid');
      assert.equal(await store.settle(second, { ...retry, succeededHandlers: ['two'] }), true);
      assert.deepEqual(await namesOf(store, first), ['one', 'two']);
    },
  },
  {
    name: 'recordSucceeded: the next attempt gets the names',
    async run(subject) {
      const { store, advance } = subject;
      const first = await addAndClaim(store);
      const second = await takeOver(subject);
      assert.equal(await store.settle(second, { ...retry, succeededHandlers: [] }), true);
      assert.equal(await record(store, first, 'one'), true);
      await advance(MINUTE_MS + 1);
      assert.deepEqual((await claimOne(store)).succeededHandlers, ['one']);
    },
  },
  {
    name: 'recordSucceeded: a dead letter that is replayed does not run the handlers again',
    async run(subject) {
      const { store } = subject;
      const first = await addAndClaim(store);
      await store.settle(await takeOver(subject), { ...dead, succeededHandlers: [] });
      assert.equal(await record(store, first, 'one'), true);
      assert.equal(await stateOf(store, first), 'dead');
      await store.replayEntries([keyOf(first)]);
      assert.deepEqual((await claimOne(store)).succeededHandlers, ['one']);
    },
  },
  {
    name: 'recordSucceeded: is refused in a later series: a replay after done runs every handler',
    async run({ store }) {
      const first = await addAndClaim(store);
      await store.settle(first, done);
      await store.replayEntries([keyOf(first)]);
      assert.equal(await record(store, first, 'one'), false);
      assert.deepEqual((await claimOne(store)).succeededHandlers, []);
    },
  },
  {
    name: 'recordSucceeded: is refused for another event under the same key',
    async run({ store }) {
      const broken = createTestEntry({ schemaError: 'images: not a list' });
      const first = await addAndClaim(store, broken);
      assert.equal(await store.add({ ...broken, schemaError: null }), 'added');
      assert.equal(await record(store, first, 'one'), false);
      assert.equal(await store.discardEntries([keyOf(first)]), 1);
      assert.equal(await record(store, first, 'one'), false, 'the entry was discarded');
      const next = await addAndClaim(store, { ...broken, schemaError: null });
      assert.equal(await record(store, first, 'one'), false, 'and added again');
      assert.deepEqual(await namesOf(store, next), []);
    },
  },
];

/** A success counts also when its settle is refused: names only grow within a series of attempts. */
export const recordSucceededCases: readonly StoreCase[] = cases.map((contractCase) => ({
  ...contractCase,
  skip: ({ store }) =>
    store.recordSucceeded ? undefined : 'the store loses the success of a refused settle',
}));
