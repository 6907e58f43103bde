import assert from 'node:assert/strict';

import type { AttemptRecord, Entry } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { createBoundTokenId } from '../entry/bound-token.ts';
import type { StoreCase } from './store-subject.ts';
import { addAndClaim, claimOne, LEASE_MS } from './support/claims.ts';
import { dead } from './support/outcomes.ts';

const LOG: readonly AttemptRecord[] = [
  {
    ...{ attempt: 2, startedAt: 1000, durationMs: 3, outcome: 'retry', trigger: 'delivery' },
    errors: [{ handler: 'two', name: 'Error', message: 'it failed', code: 'E_BUSY' }],
  },
];

const entryOf = (changes: Partial<Entry>): Entry => ({
  ...createTestEntry({ metadata: { orderId: 42 }, testMode: true }),
  ...{ source: 'sweep', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  ...{ tokenId: 'a-token', state: 'pending', attempts: 2, succeededHandlers: ['one'] },
  ...{ reason: 'it failed', dueAt: 0, finishedAt: null, replays: 3, originalBody: '{"first":1}' },
  ...{ partialReplay: { handlers: ['two'], deadReason: 'it died' }, attemptLog: LOG },
  ...changes,
});

const cases: readonly StoreCase[] = [
  {
    name: 'restore: adds pending, done and dead entries with every field',
    async run({ store }) {
      const finishedAt = (await store.list()).readAt - 60_000;
      const finished = { dueAt: null, finishedAt: Math.floor(finishedAt) };
      const entries = [
        entryOf({}),
        entryOf({ state: 'done', reason: null, partialReplay: null, ...finished }),
        entryOf({ state: 'dead', originalBody: null, ...finished }),
      ];
      assert.equal(await store.restoreEntries?.(entries), 3);
      for (const entry of entries) {
        const { dueAt } = entry; // a store may put it off to its own time
        // A done entry no longer needs the names of its handlers.
        const succeededHandlers = entry.state === 'done' ? [] : entry.succeededHandlers;
        const found = await store.get(entry);
        assert.deepEqual({ ...found, dueAt, succeededHandlers }, { ...entry, succeededHandlers });
      }
      assert.deepEqual(
        (await store.list()).entries.map(({ taskId }) => taskId).reverse(),
        entries.map(({ taskId }) => taskId),
      );
      const { pending, done, dead: letters } = await store.stats();
      assert.deepEqual([pending, done, letters], [1, 1, 1]);
    },
  },
  {
    name: 'restore: a running entry becomes pending and is claimed in a further attempt',
    async run({ store }) {
      const running = entryOf({ state: 'running', dueAt: Date.UTC(2100, 0, 1) });
      assert.equal(await store.restoreEntries?.([running]), 1);
      const claim = await claimOne(store);
      assert.deepEqual([claim.taskId, claim.attempts], [running.taskId, 3]);
      assert.equal(await store.extend(claim, LEASE_MS), true);
    },
  },
  {
    name: 'restore: an entry whose key exists is not changed',
    async run({ store }) {
      const claim = await addAndClaim(store);
      await store.settle(claim, dead);
      const fresh = entryOf({});
      const { endpoint, taskId } = claim;
      assert.equal(await store.restoreEntries?.([entryOf({ endpoint, taskId }), fresh]), 1);
      assert.equal(await store.restoreEntries?.([fresh, fresh]), 0);
      assert.equal((await store.get(claim))?.state, 'dead');
    },
  },
];

const boundTokenCase: StoreCase = {
  name: 'restore: a bound token stays with its task; an entry whose token is taken comes without it',
  skip: ({ store }) =>
    store.capabilities.bindsTokens === true ? undefined : 'it does not declare bindsTokens',
  async run({ store }) {
    const [taken, own] = [createBoundTokenId(), createBoundTokenId()];
    await store.add(createTestEntry({ tokenId: taken }));
    const restored = [taken, own, own].map((tokenId) => entryOf({ tokenId }));
    assert.equal(await store.restoreEntries?.(restored), 3);
    const tokenIds = restored.map(async (entry) => (await store.get(entry))?.tokenId);
    assert.deepEqual(await Promise.all(tokenIds), [null, own, null]);
    assert.equal(await store.add(createTestEntry({ tokenId: own })), 'other_task');
    assert.equal(await store.restoreEntries?.(restored), 0);
  },
};

/** `restoreEntries`: entries of another store. */
export const restoreCases: readonly StoreCase[] = [...cases, boundTokenCase].map((one) => ({
  ...one,
  skip: (subject) =>
    subject.store.restoreEntries ? one.skip?.(subject) : 'the store has no restoreEntries',
}));
