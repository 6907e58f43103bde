import assert from 'node:assert/strict';

import type { Claim } from '@novita-webhooks/core';
import { createTestEntry } from '../../samples/create-test-entry.ts';
import {
  again,
  addAndClaim,
  claimOne,
  LEASE,
  MINUTE,
  stateOf,
  type StoreCase,
  type StoreSubject,
} from './store-subject.ts';

/** Not `async`: with some stores the work has to be synchronous. */
const write = (subject: StoreSubject, line: string, thrown?: Error) => (tx: unknown) => {
  const fail = () => {
    if (thrown !== undefined) throw thrown;
  };
  const written = subject.ledger?.write(tx, line);
  return written instanceof Promise ? written.then(fail) : fail();
};

const transact = async (subject: StoreSubject, claim: Claim, handler = 'one', thrown?: Error) =>
  subject.store.transaction?.(claim, handler, write(subject, `by ${handler}`, thrown));

async function assertNothingKept({ store, ledger }: StoreSubject, claim: Claim): Promise<void> {
  assert.deepEqual(await ledger?.read(), []);
  assert.deepEqual((await store.get(claim))?.succeededHandlers, []);
}

const cases: readonly StoreCase[] = [
  {
    name: 'transaction: what it writes commits together with the name of its handler',
    async run(subject) {
      const { store, ledger } = subject;
      const claim = await addAndClaim(store);
      await transact(subject, claim);
      assert.deepEqual(await ledger?.read(), ['by one']);
      assert.deepEqual((await store.get(claim))?.succeededHandlers, ['one']);
    },
  },
  {
    name: 'transaction: gives back what its work returned',
    async run({ store }) {
      const claim = await addAndClaim(store);
      const value = await store.transaction?.(claim, 'one', () => ({ answer: 42 }));
      assert.deepEqual(value, { answer: 42 });
    },
  },
  {
    name: 'transaction: work that throws leaves nothing, and its error is passed on as it is',
    async run(subject) {
      const { store, ledger } = subject;
      const claim = await addAndClaim(store);
      const error = new Error('no such account');
      await assert.rejects(
        () => transact(subject, claim, 'one', error),
        (thrown) => thrown === error,
      );
      await assertNothingKept(subject, claim);
      await transact(subject, claim, 'two');
      assert.deepEqual(await ledger?.read(), ['by two'], 'and the next one is not hindered');
    },
  },
  {
    name: 'transaction: under a fence that a later claim took over it is refused, and not begun',
    async run(subject) {
      const { store, advance } = subject;
      const first = await addAndClaim(store);
      await advance(LEASE + 1);
      await claimOne(store);
      let begun = false;
      const work = () => void (begun = true);
      await assert.rejects(async () => store.transaction?.(first, 'one', work), {
        name: 'WebhookError',
        code: 'lease_lost',
      });
      assert.equal(begun, false);
      await assert.rejects(() => transact(subject, first), { code: 'lease_lost' });
      await assertNothingKept(subject, first);
    },
  },
  {
    name: 'transaction: under a fence that was spent or never was it is refused',
    async run(subject) {
      const { store, ledger } = subject;
      const claim = await addAndClaim(store);
      await store.settle(claim, { type: 'done' });
      const nobody = { ...claim, taskId: createTestEntry().taskId };
      for (const wrong of [claim, nobody, { ...claim, fence: '0' }]) {
        await assert.rejects(() => transact(subject, wrong), { code: 'lease_lost' });
      }
      assert.deepEqual(await ledger?.read(), []);
    },
  },
  {
    name: 'transaction: committed before the lease ended, the next claim has its handler as handled',
    async run(subject) {
      const { store, advance } = subject;
      await transact(subject, await addAndClaim(store));
      await advance(LEASE + 1);
      const next = await claimOne(store);
      assert.deepEqual([next.attempts, next.succeededHandlers], [2, ['one']]);
    },
  },
  {
    name: 'transaction: the entry runs on under its fence, and can be settled',
    async run(subject) {
      const { store, advance, ledger } = subject;
      const claim = await addAndClaim(store);
      await transact(subject, claim, 'one');
      assert.equal(await stateOf(store, claim), 'running');
      assert.equal(await store.extend(claim, LEASE), true);
      await transact(subject, claim, 'two');
      assert.deepEqual(await ledger?.read(), ['by one', 'by two']);
      assert.equal(await store.settle(claim, { ...again, succeededHandlers: [] }), true);
      await advance(MINUTE + 1);
      const next = await claimOne(store);
      assert.deepEqual(
        [...next.succeededHandlers].sort(),
        ['one', 'two'],
        'although the attempt did not know',
      );
      assert.equal(await store.settle(next, { type: 'done' }), true);
      assert.equal(await stateOf(store, next), 'done');
    },
  },
];

/** What `Store.transaction` has to keep. What is written is looked up in the subject's ledger. */
export const transacting: readonly StoreCase[] = [
  {
    name: 'transaction: there is one exactly where the store says that it is transactional',
    async run({ store: { capabilities, transaction } }) {
      assert.equal(transaction !== undefined, capabilities.transactional);
    },
  },
  ...cases.map((one): StoreCase => ({
    ...one,
    skip({ store, ledger }) {
      if (store.transaction === undefined) return 'the store is not transactional';
      return ledger ? undefined : 'the subject has no ledger to write to';
    },
  })),
];
