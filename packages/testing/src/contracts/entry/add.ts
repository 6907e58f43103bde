import assert from 'node:assert/strict';

import type { Entry } from '@novita-webhooks/core';
import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { EntryCase } from './entry-subject.ts';

export const adding: readonly EntryCase[] = [
  {
    name: 'add: the first is added, every later one is a duplicate',
    async run(keeper) {
      const entry = createTestEntry();
      assert.equal(await keeper.add(entry), 'added');
      assert.equal(await keeper.add(entry), 'duplicate');
      assert.equal(await keeper.add({ ...entry, status: 'TASK_STATUS_FAILED' }), 'duplicate');
      assert.equal((await keeper.get(entry))?.status, 'TASK_STATUS_SUCCEED');
    },
  },
  {
    name: 'add: of many at the same time exactly one is added',
    async run(keeper) {
      const entry = createTestEntry();
      const results = await Promise.all(Array.from({ length: 100 }, () => keeper.add(entry)));
      assert.equal(results.filter((result) => result === 'added').length, 1);
      assert.equal((await keeper.list()).entries.length, 1);
    },
  },
  {
    name: 'add: the same task at another endpoint is another entry',
    async run(keeper) {
      const entry = createTestEntry();
      assert.equal(await keeper.add(entry), 'added');
      assert.equal(await keeper.add({ ...entry, endpoint: 'other' }), 'added');
    },
  },
  {
    name: 'add: names of endpoints and task ids of every shape are kept apart, and come back',
    async run(keeper) {
      const names = ['1', '01', 'a:b', 'a:b:c', "'; drop table x; --", '__proto__', 'ü', 'U', 'u', ' u',
        '任务', '%00', '\\', '{}', 'constructor', 'x'.repeat(64)]; // prettier-ignore
      const keys = [
        ...names.map((taskId) => ({ endpoint: 'novita', taskId })),
        ...names.map((endpoint) => ({ endpoint, taskId: 'task' })),
        { endpoint: 'a', taskId: 'b:c' },
        { endpoint: 'novita', taskId: 'x'.repeat(256) },
      ];
      for (const key of keys) {
        assert.equal(await keeper.add(createTestEntry(key)), 'added', JSON.stringify(key));
      }
      for (const key of keys) {
        const { endpoint, taskId } = (await keeper.get(key)) ?? {};
        assert.deepEqual({ endpoint, taskId }, key);
      }
    },
  },
  {
    name: 'add: everything in an entry comes back',
    async run(keeper) {
      const entry = createTestEntry({
        body: JSON.stringify({
          text: 'ü 任务 \u0000 \u2028 "quoted"',
          big: 'x'.repeat(1024 * 1024),
        }),
        metadata: { orderId: 42, nested: { list: [1, null, 'ü'] } },
        schemaError: 'a reason',
        testMode: true,
      });
      await keeper.add(entry);
      const found = await keeper.get(entry);
      assert.ok(found);
      for (const [field, value] of Object.entries(entry)) {
        assert.deepEqual(found[field as keyof Entry], value, field);
      }
      const { state, attempts, succeededHandlers, reason, finishedAt } = found;
      assert.deepEqual(
        { state, attempts, succeededHandlers, reason, finishedAt },
        { state: 'pending', attempts: 0, succeededHandlers: [], reason: null, finishedAt: null },
      );
    },
  },
];
