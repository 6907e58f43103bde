import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { StoreCase } from './store-subject.ts';
import {
  addAndClaim,
  assertNothingToClaim,
  claimOne,
  LEASE_MS,
  takeOver,
} from './support/claims.ts';
import { done, released, retry } from './support/outcomes.ts';

const CONFIRMATION_MS = LEASE_MS / 2;

const cases: readonly StoreCase[] = [
  {
    name: 'takeover: many looks at once count as one',
    async run({ store, advance }) {
      const claim = await addAndClaim(store);
      await advance(LEASE_MS + 1);
      for (let look = 0; look < 3; look += 1) {
        await assertNothingToClaim(store, 'the holder has not missed a heartbeat since');
      }
      await advance(CONFIRMATION_MS - 1000);
      await assertNothingToClaim(store, 'the holder may still send a heartbeat');
      await advance(1001);
      assert.equal((await claimOne(store)).taskId, claim.taskId);
    },
  },
  {
    name: 'takeover: a clock that jumps forward does not end a lease whose holder sends heartbeats',
    async run({ store, advance }) {
      const claim = await addAndClaim(store);
      for (let jump = 0; jump < 3; jump += 1) {
        await advance(60 * LEASE_MS);
        await assertNothingToClaim(store, 'the clock has jumped');
        await advance(LEASE_MS / 3);
        assert.equal(await store.extend(claim, LEASE_MS), true);
        await advance(CONFIRMATION_MS);
        await assertNothingToClaim(store, 'the lease was extended');
      }
      assert.equal(await store.settle(claim, done), true);
    },
  },
  {
    name: 'takeover: nextDueMs tells when the second look may succeed',
    async run({ store, advance }) {
      await addAndClaim(store);
      await advance(LEASE_MS + 1);
      assert.equal(await store.nextDueMs('novita'), 0);
      await assertNothingToClaim(store, 'this is the first look');
      const dueMs = (await store.nextDueMs('novita')) ?? -1;
      assert.ok(dueMs > CONFIRMATION_MS - 5000 && dueMs <= CONFIRMATION_MS, `due in ${dueMs} ms`);
    },
  },
  {
    name: 'takeover: an overdue entry does not keep other entries from being claimed',
    async run({ store, advance }) {
      await addAndClaim(store);
      await advance(LEASE_MS + 1);
      const fresh = createTestEntry();
      await store.add(fresh);
      await store.claim('novita', 1, LEASE_MS);
      const state = (await store.get(fresh))?.state;
      if (state === 'pending') assert.equal((await claimOne(store)).taskId, fresh.taskId);
      else assert.equal(state, 'running');
    },
  },
  {
    name: 'takeover: is returned alone and marked, since its last attempt was never settled',
    async run({ store, advance }) {
      const lost = [createTestEntry(), createTestEntry()];
      for (const entry of lost) await store.add(entry);
      assert.equal((await store.claim('novita', 10, LEASE_MS)).length, 2);
      await advance(LEASE_MS + 1);
      await assertNothingToClaim(store, 'this is the first look');
      await advance(CONFIRMATION_MS + 1);
      await store.add(createTestEntry());
      const batches = [];
      for (let look = 0; look < 5; look += 1) {
        const claims = await store.claim('novita', 10, LEASE_MS);
        if (claims.length > 0) batches.push(claims.map(({ isTakeover }) => isTakeover));
      }
      assert.deepEqual(batches, [[true], [true], [false]]);
    },
  },
  {
    name: 'takeover: an entry that was settled is not marked',
    async run(subject) {
      const { store } = subject;
      assert.equal((await addAndClaim(store)).isTakeover, false);
      const taken = await takeOver(subject);
      assert.equal(taken.isTakeover, true);
      assert.equal(await store.settle(taken, { ...retry, delayMs: 0 }), true);
      const retried = await claimOne(store);
      assert.equal(retried.isTakeover, false);
      assert.equal(await store.settle(retried, released), true);
      assert.equal((await claimOne(store)).isTakeover, false);
    },
  },
];

/** A running entry is taken over only after its lease was found expired twice, and then alone. */
export const takeoverCases: readonly StoreCase[] = cases.map((contractCase) => ({
  ...contractCase,
  skip: ({ store }) =>
    store.capabilities.confirmsTakeover === true
      ? undefined
      : 'the store takes an expired lease over at the first look',
}));
