import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { AddOnlyCase } from './add-only-subject.ts';

function parse(message: unknown): unknown {
  if (message instanceof Uint8Array) return parse(new TextDecoder().decode(message));
  return typeof message === 'string' ? JSON.parse(message) : message;
}

/** `add`: deduplication, distinct keys and complete messages. */
export const addCases: readonly AddOnlyCase[] = [
  {
    name: 'add: returns added once, then duplicate, and queues one message',
    async run({ inbox, received }) {
      const entry = createTestEntry();
      assert.equal(await inbox.add(entry), 'added');
      assert.equal(await inbox.add(entry), 'duplicate');
      assert.equal(await inbox.add({ ...entry, status: 'TASK_STATUS_FAILED' }), 'duplicate');
      assert.deepEqual((await received()).map(parse), [entry]);
    },
  },
  {
    name: 'add: of 100 concurrent calls with one key, exactly one adds',
    async run({ inbox, received }) {
      const entry = createTestEntry();
      const results = await Promise.all(Array.from({ length: 100 }, () => inbox.add(entry)));
      assert.equal(results.filter((result) => result === 'added').length, 1);
      assert.equal((await received()).length, 1);
    },
  },
  {
    name: 'add: endpoint names and task ids of any shape stay distinct',
    async run({ inbox, received }) {
      const names = ['1', '01', 'a:b', 'a.b', 'a*', '>', "'; --", '__proto__', 'ü', 'U', 'u', ' u',
        '任务', '%00', '\\', '{}', 'x'.repeat(64)]; // prettier-ignore
      const keys = [
        ...names.map((taskId) => ({ endpoint: 'novita', taskId })),
        ...names.map((endpoint) => ({ endpoint, taskId: 'task' })),
        { endpoint: 'a', taskId: 'b:c' },
        { endpoint: 'novita', taskId: '务'.repeat(256) },
      ];
      for (const key of keys) {
        assert.equal(await inbox.add(createTestEntry(key)), 'added', JSON.stringify(key));
      }
      assert.equal((await received()).length, keys.length);
    },
  },
  {
    name: 'add: the message has every field of the entry, also with a large body',
    async run({ inbox, received }) {
      const body = JSON.stringify({ text: 'ü \u0000 \u2028 "quoted"', big: 'x'.repeat(1_000_000) });
      const metadata = { orderId: 42, nested: { list: [1, null, 'ü'] } };
      const entry = createTestEntry({ body, metadata, schemaError: 'a reason', testMode: true });
      await inbox.add(entry);
      assert.deepEqual((await received()).map(parse), [entry]);
    },
  },
  {
    name: 'schema error: a valid event is added after one with a schema error',
    async run({ inbox, received }) {
      const invalid = createTestEntry({ schemaError: 'images: not a list' });
      await inbox.add(invalid);
      assert.equal(await inbox.add({ ...invalid, schemaError: null }), 'added');
      assert.equal(await inbox.add({ ...invalid, schemaError: null }), 'duplicate');
      assert.equal((await received()).length, 2);
    },
  },
];
