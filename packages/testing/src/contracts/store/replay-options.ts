import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { StoreCase } from './store-subject.ts';
import { addAndClaim, claimOne, keyOf } from './support/claims.ts';
import { dead, done } from './support/outcomes.ts';

const CORRECTED = { body: '{"task":{}}', status: 'TASK_STATUS_FAILED', taskType: 'IMG_TO_IMG' };

/** `replayEntries` and `discardEntries`: many targets, unchanged ones, handlers and bodies. */
export const replayOptionCases: readonly StoreCase[] = [
  {
    name: 'replay: counts the replayed entries of many targets, each once',
    async run({ store }) {
      const claims = [await addAndClaim(store), await addAndClaim(store), await addAndClaim(store)];
      for (const claim of claims.slice(0, 2)) await store.settle(claim, dead);
      const targets = [...claims, createTestEntry()];
      assert.equal(await store.replayEntries(targets.map(keyOf)), 2);
      assert.equal(await store.replayEntries(targets.map(keyOf)), 0);
      assert.equal((await store.get(claims[0] ?? createTestEntry()))?.replays, 1);
      assert.equal(await store.replayEntries([]), 0);
    },
  },
  {
    name: 'replay: a target that was replayed or finished since it was listed is left alone',
    async run({ store, advance }) {
      const claim = await addAndClaim(store);
      await store.settle(claim, dead);
      const [listed] = (await store.list()).entries;
      assert.ok(listed);
      assert.equal(await store.replayEntries([listed]), 1);
      await advance(1000);
      await store.settle(await claimOne(store), dead);
      assert.equal(await store.replayEntries([listed]), 0);
      assert.equal(await store.discardEntries([listed]), 0);
      const [current] = (await store.list()).entries;
      assert.ok(current);
      assert.equal(await store.discardEntries([current]), 1);
    },
  },
  {
    name: 'replay: to named handlers, those run again and the reason of a dead letter is kept',
    async run({ store }) {
      const claim = await addAndClaim(store);
      await store.settle(claim, { ...dead, succeededHandlers: ['one', 'two'] });
      assert.equal(await store.replayEntries([keyOf(claim)], { handlers: ['two'] }), 1);
      const replayed = await claimOne(store);
      assert.deepEqual(replayed.partialReplay, { handlers: ['two'], deadReason: dead.reason });
      assert.deepEqual(replayed.succeededHandlers, ['one']);
      await store.settle(replayed, dead);
      assert.equal(await store.replayEntries([keyOf(claim)]), 1);
      assert.equal((await claimOne(store)).partialReplay, null);
    },
  },
  {
    name: 'replay: to named handlers of a done entry, no reason is kept',
    async run({ store }) {
      const claim = await addAndClaim(store);
      await store.settle(claim, done);
      assert.equal(await store.replayEntries([keyOf(claim)], { handlers: ['two'] }), 1);
      const { partialReplay, succeededHandlers } = await claimOne(store);
      assert.deepEqual(partialReplay, { handlers: ['two'], deadReason: null });
      assert.deepEqual(succeededHandlers, []);
    },
  },
  {
    name: 'replay: a corrected body replaces the body, and the first body is kept',
    async run({ store }) {
      const entry = createTestEntry({ schemaError: 'no images' });
      await store.settle(await addAndClaim(store, entry), dead);
      assert.equal(await store.replayEntries([keyOf(entry)], { body: CORRECTED }), 1);
      const replayed = await claimOne(store);
      assert.deepEqual(
        { ...CORRECTED, ...pick(replayed) },
        { ...CORRECTED, schemaError: null, originalBody: entry.body },
      );
      await store.settle(replayed, dead);
      await store.replayEntries([keyOf(entry)], { body: { ...CORRECTED, body: '{}' } });
      const again = await store.get(entry);
      assert.deepEqual([again?.body, again?.originalBody], ['{}', entry.body]);
    },
  },
];

type Found = Readonly<Record<'body' | 'status' | 'taskType', string>> &
  Readonly<Record<'schemaError' | 'originalBody', string | null>>;

function pick({ body, status, taskType, schemaError, originalBody }: Found): Found {
  return { body, status, taskType, schemaError, originalBody };
}
