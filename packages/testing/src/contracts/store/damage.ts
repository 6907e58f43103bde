import assert from 'node:assert/strict';

import type { EntryKey, NewEntry, Store } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { stateOf } from '../entry/entry-port.ts';
import type { StoreCase, StoreSubject } from './store-subject.ts';
import { claimOne, LEASE_MS } from './support/claims.ts';
import { dead, done } from './support/outcomes.ts';

/** Adds three entries, damages the second, and runs `check` on a store for each kind of damage. */
async function forEachDamage(
  { store, damage = {} }: StoreSubject,
  check: (key: EntryKey, entries: readonly NewEntry[], kind: string) => Promise<void>,
): Promise<void> {
  for (const [kind, inflict] of Object.entries(damage)) {
    const entries = [createTestEntry(), createTestEntry(), createTestEntry()];
    for (const entry of entries) await store.add(entry);
    const { endpoint, taskId } = entries[1] ?? createTestEntry();
    await inflict({ endpoint, taskId });
    await check({ endpoint, taskId }, entries, kind);
    await finishAll(store);
  }
}

/** Settles everything that is left, for the next kind of damage. */
async function finishAll(store: Store): Promise<void> {
  for (const claim of await store.claim('novita', 100, LEASE_MS)) await store.settle(claim, done);
}

const cases: readonly StoreCase[] = [
  {
    name: 'damage: an entry that cannot be read does not fail the claim of other entries',
    run: (subject) =>
      forEachDamage(subject, async (key, entries, kind) => {
        const claims = await subject.store.claim('novita', 10, LEASE_MS);
        assert.deepEqual(
          claims.map(({ taskId }) => taskId),
          entries.map(({ taskId }) => taskId),
          kind,
        );
        for (const claim of claims) {
          const isDamaged = claim.taskId === key.taskId;
          assert.equal(typeof claim.damage, isDamaged ? 'string' : 'undefined', kind);
          assert.equal(await subject.store.settle(claim, done), true, kind);
        }
      }),
  },
  {
    name: 'damage: an entry that cannot be read can become a dead letter and is listed with the reason',
    run: (subject) =>
      forEachDamage(subject, async (key, _, kind) => {
        const { store } = subject;
        const claims = await store.claim('novita', 10, LEASE_MS);
        for (const claim of claims) {
          const isDamaged = claim.taskId === key.taskId;
          assert.equal(await store.settle(claim, isDamaged ? dead : done), true, kind);
        }
        const found = await store.get(key);
        assert.deepEqual([found?.state, found?.reason], ['dead', dead.reason], kind);
        const { entries } = await store.list({ states: ['dead'] });
        assert.ok(
          entries.some(({ taskId }) => taskId === key.taskId),
          kind,
        );
      }),
  },
  {
    name: 'damage: an entry that cannot be read can be retried, replayed and discarded',
    run: (subject) =>
      forEachDamage(subject, async (key, _, kind) => {
        const { store } = subject;
        assert.equal(typeof (await store.get(key))?.damage, 'string', kind);
        await finishAll(store);
        assert.equal(await stateOf(store, key), 'done', kind);
        assert.equal(await store.replayEntries([key]), 1, kind);
        const claim = await claimOne(store);
        await store.recordSucceeded?.(claim, ['one']);
        assert.equal(await store.settle(claim, dead), true, kind);
        assert.equal(await store.discardEntries([key]), 1, kind);
      }),
  },
];

/** A stored entry that was damaged, by a fault of the disk or by hand. */
export const damageCases: readonly StoreCase[] = cases.map((contractCase) => ({
  ...contractCase,
  skip: ({ damage }) => (damage ? undefined : 'the subject cannot damage an entry'),
}));
