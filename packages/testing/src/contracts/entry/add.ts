import assert from 'node:assert/strict';

import type { Entry } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { EntryCase } from './entry-port.ts';

/** `add`: deduplication, distinct keys and stored fields. */
export const addCases: readonly EntryCase[] = [
  {
    name: 'add: returns added once, then duplicate, and keeps the first status',
    async run(port) {
      const entry = createTestEntry();
      assert.equal(await port.add(entry), 'added');
      assert.equal(await port.add(entry), 'duplicate');
      assert.equal(await port.add({ ...entry, status: 'TASK_STATUS_FAILED' }), 'duplicate');
      assert.equal((await port.get(entry))?.status, 'TASK_STATUS_SUCCEED');
    },
  },
  {
    name: 'add: of 100 concurrent calls with one key, exactly one adds',
    async run(port) {
      const entry = createTestEntry();
      const results = await Promise.all(Array.from({ length: 100 }, async () => port.add(entry)));
      assert.equal(results.filter((result) => result === 'added').length, 1);
      assert.equal((await port.list()).entries.length, 1);
    },
  },
  {
    name: 'add: the same task id at another endpoint is another entry',
    async run(port) {
      const entry = createTestEntry();
      assert.equal(await port.add(entry), 'added');
      assert.equal(await port.add({ ...entry, endpoint: 'other' }), 'added');
    },
  },
  {
    name: 'add: endpoint names and task ids of any shape stay distinct',
    async run(port) {
      const names = ['1', '01', 'a:b', 'a:b:c', "'; drop table x; --", '__proto__', 'ü', 'U', 'u', ' u',
        '任务', '%00', '\\', '{}', 'constructor', 'x'.repeat(64)]; // prettier-ignore
      const keys = [
        ...names.map((taskId) => ({ endpoint: 'novita', taskId })),
        ...names.map((endpoint) => ({ endpoint, taskId: 'task' })),
        { endpoint: 'a', taskId: 'b:c' },
        { endpoint: 'novita', taskId: 'x'.repeat(256) },
      ];
      for (const key of keys) {
        assert.equal(await port.add(createTestEntry(key)), 'added', JSON.stringify(key));
      }
      for (const key of keys) {
        const { endpoint, taskId } = (await port.get(key)) ?? {};
        assert.deepEqual({ endpoint, taskId }, key);
      }
    },
  },
  {
    name: 'add: every field of the entry is stored unchanged',
    async run(port) {
      const entry = createTestEntry({
        body: JSON.stringify({
          text: 'ü 任务 \u0000 \u2028 "quoted"',
          big: 'x'.repeat(1024 * 1024),
        }),
        metadata: { orderId: 42, nested: { list: [1, null, 'ü'] } },
        schemaError: 'a reason',
        testMode: true,
      });
      await port.add(entry);
      const found = await port.get(entry);
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
