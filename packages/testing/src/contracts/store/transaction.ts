import assert from 'node:assert/strict';

import type { Claim } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { stateOf } from '../entry/entry-port.ts';
import type { StoreCase, StoreSubject } from './store-subject.ts';
import { addAndClaim, claimOne, LEASE_MS, takeOver } from './support/claims.ts';
import { done, MINUTE_MS, retry } from './support/outcomes.ts';

/** Not `async`: some stores accept only synchronous work. */
const write = (subject: StoreSubject, line: string, thrown?: Error) => (tx: unknown) => {
  const fail = () => {
    if (thrown !== undefined) throw thrown;
  };
  const written = subject.ledger?.write(tx, line);
  return written instanceof Promise ? written.then(fail) : fail();
};

const transact = async (subject: StoreSubject, claim: Claim, handler = 'one', thrown?: Error) =>
  subject.store.transaction?.(claim, handler, write(subject, `by ${handler}`, thrown));

async function assertRolledBack({ store, ledger }: StoreSubject, claim: Claim): Promise<void> {
  assert.deepEqual(await ledger?.read(), []);
  assert.deepEqual((await store.get(claim))?.succeededHandlers, []);
}

const cases: readonly StoreCase[] = [
  {
    name: 'transaction: commits its writes together with the name of the handler',
    async run(subject) {
      const { store, ledger } = subject;
      const claim = await addAndClaim(store);
      await transact(subject, claim);
      assert.deepEqual(await ledger?.read(), ['by one']);
      assert.deepEqual((await store.get(claim))?.succeededHandlers, ['one']);
    },
  },
  {
    name: 'transaction: returns what its work returned',
    async run({ store }) {
      const claim = await addAndClaim(store);
      const value = await store.transaction?.(claim, 'one', () => ({ answer: 42 }));
      assert.deepEqual(value, { answer: 42 });
    },
  },
  {
    name: 'transaction: if the work throws, rolls back and rejects with its error',
    async run(subject) {
      const { store, ledger } = subject;
      const claim = await addAndClaim(store);
      const error = new Error('no such account');
      await assert.rejects(
        () => transact(subject, claim, 'one', error),
        (thrown) => thrown === error,
      );
      await assertRolledBack(subject, claim);
      await transact(subject, claim, 'two');
      assert.deepEqual(await ledger?.read(), ['by two'], 'the next transaction is unaffected');
    },
  },
  {
    name: 'transaction: rejects a replaced claim without running the work',
    async run(subject) {
      const { store } = subject;
      const first = await addAndClaim(store);
      await takeOver(subject);
      let ran = false;
      const work = () => void (ran = true);
      await assert.rejects(async () => store.transaction?.(first, 'one', work), {
        name: 'WebhookError',
        code: 'lease_lost',
      });
      assert.equal(ran, false);
      await assert.rejects(() => transact(subject, first), { code: 'lease_lost' });
      await assertRolledBack(subject, first);
    },
  },
  {
    name: 'transaction: rejects a settled claim, unknown entry or wrong token',
    async run(subject) {
      const { store, ledger } = subject;
      const settled = await addAndClaim(store);
      await store.settle(settled, done);
      const unknown = { ...settled, taskId: createTestEntry().taskId };
      const wrongToken = { ...(await addAndClaim(store)), fencingToken: '0' };
      for (const claim of [settled, unknown, wrongToken]) {
        await assert.rejects(() => transact(subject, claim), { code: 'lease_lost' });
      }
      assert.deepEqual(await ledger?.read(), []);
    },
  },
  {
    name: 'transaction: a committed handler counts as succeeded after lease expiry',
    async run(subject) {
      await transact(subject, await addAndClaim(subject.store));
      const next = await takeOver(subject);
      assert.deepEqual([next.attempts, next.succeededHandlers], [2, ['one']]);
    },
  },
  {
    name: 'transaction: leaves the claim valid',
    async run(subject) {
      const { store, advance, ledger } = subject;
      const claim = await addAndClaim(store);
      await transact(subject, claim, 'one');
      assert.equal(await stateOf(store, claim), 'running');
      assert.equal(await store.extend(claim, LEASE_MS), true);
      await transact(subject, claim, 'two');
      assert.deepEqual(await ledger?.read(), ['by one', 'by two']);
      assert.equal(await store.settle(claim, { ...retry, succeededHandlers: [] }), true);
      await advance(MINUTE_MS + 1);
      const next = await claimOne(store);
      assert.deepEqual(
        [...next.succeededHandlers].sort(),
        ['one', 'two'],
        'the attempt itself reported none',
      );
      assert.equal(await store.settle(next, done), true);
      assert.equal(await stateOf(store, next), 'done');
    },
  },
];

export const transactionCases: readonly StoreCase[] = [
  {
    name: 'transaction: exists if and only if the store declares `transactional`',
    async run({ store: { capabilities, transaction } }) {
      assert.equal(transaction !== undefined, capabilities.transactional);
    },
  },
  ...cases.map((contractCase): StoreCase => ({
    ...contractCase,
    skip({ store, ledger }) {
      if (store.transaction === undefined) return 'the store is not transactional';
      return ledger ? undefined : 'the subject has no ledger to write to';
    },
  })),
];
