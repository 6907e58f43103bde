import assert from 'node:assert/strict';

import type { Entry } from '../../inbox.ts';
import {
  LEASE,
  newEntry,
  addAndClaim,
  claimOne,
  claimNothing,
  dead,
  type StoreCase,
} from './subject.ts';

export const adding: readonly StoreCase[] = [
  {
    name: 'add: the first is added, every later one is a duplicate',
    async run({ store }) {
      const entry = newEntry();
      assert.equal(await store.add(entry), 'added');
      assert.equal(await store.add(entry), 'duplicate');
      assert.equal(await store.add({ ...entry, status: 'TASK_STATUS_FAILED' }), 'duplicate');
      assert.equal((await store.get(entry))?.status, 'TASK_STATUS_SUCCEED');
    },
  },
  {
    name: 'add: of many at the same time exactly one is added',
    async run({ store }) {
      const entry = newEntry();
      const results = await Promise.all(Array.from({ length: 100 }, () => store.add(entry)));
      assert.equal(results.filter((result) => result === 'added').length, 1);
      assert.equal((await store.claim('novita', 10, LEASE)).length, 1);
    },
  },
  {
    name: 'add: the same task at another endpoint is another entry',
    async run({ store }) {
      const entry = newEntry();
      assert.equal(await store.add(entry), 'added');
      assert.equal(await store.add({ ...entry, endpoint: 'other' }), 'added');
    },
  },
  {
    name: 'add: a done or dead entry still makes a duplicate',
    async run({ store }) {
      const done = await addAndClaim(store);
      assert.equal(await store.settle(done, { type: 'done' }), true);
      assert.equal(await store.add(newEntry({ taskId: done.taskId })), 'duplicate');
      const given = await addAndClaim(store);
      assert.equal(await store.settle(given, dead), true);
      assert.equal(await store.add(newEntry({ taskId: given.taskId })), 'duplicate');
      await claimNothing(store, 'nothing was added');
    },
  },
  {
    name: 'add: task ids of every shape are kept apart, and come back as they were',
    async run({ store }) {
      const taskIds = ['1', '01', 'a:b', 'a:b:c', "'; drop table x; --", '__proto__', 'ü', 'U', 'u', ' u',
        '任务', '%00', '\\', '{}', 'constructor', 'x'.repeat(256)]; // prettier-ignore
      for (const taskId of taskIds)
        assert.equal(await store.add(newEntry({ taskId })), 'added', taskId);
      for (const taskId of taskIds) {
        assert.equal((await store.get(newEntry({ taskId })))?.taskId, taskId);
      }
    },
  },
  {
    name: 'add: everything in an entry comes back',
    async run({ store }) {
      const entry = newEntry({
        body: JSON.stringify({
          text: 'ü 任务 \u0000 \u2028 "quoted"',
          big: 'x'.repeat(1024 * 1024),
        }),
        metadata: { orderId: 42, nested: { list: [1, null, 'ü'] } },
        drift: 'a reason',
        testMode: true,
      });
      await store.add(entry);
      const found = await store.get(entry);
      assert.ok(found);
      for (const [field, value] of Object.entries(entry)) {
        assert.deepEqual(found[field as keyof Entry], value, field);
      }
      const { state, attempts, handled, reason, settledAt } = found;
      assert.deepEqual(
        { state, attempts, handled, reason, settledAt },
        { state: 'pending', attempts: 0, handled: [], reason: null, settledAt: null },
      );
    },
  },
  {
    name: 'add: a drifted entry gives way to one that fits, in any state but done',
    async run({ store }) {
      const drifted = newEntry({ drift: 'images: not a list', body: '{"drifted":1}' });
      const fits = { ...drifted, drift: null, body: '{"fits":1}' };
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
      const drifted = newEntry({ drift: 'images: not a list' });
      const claim = await addAndClaim(store, drifted);
      assert.equal(await store.add({ ...drifted, drift: null }), 'added');
      assert.equal(await store.settle(claim, dead), false);
      assert.equal(await store.extend(claim, LEASE), false);
      assert.equal((await claimOne(store)).drift, null);
    },
  },
  {
    name: 'add: a drifted entry that was handled after all stays',
    async run({ store }) {
      const drifted = newEntry({ drift: 'images: not a list' });
      await store.settle(await addAndClaim(store, drifted), { type: 'done' });
      assert.equal(await store.add({ ...drifted, drift: null }), 'duplicate');
    },
  },
];
