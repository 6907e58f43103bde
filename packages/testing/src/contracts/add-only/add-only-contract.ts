import assert from 'node:assert/strict';

import type { Inbox } from '@novita-webhooks/core';
import type { ContractCase } from '../contract-case.ts';
import { createTestEntry } from '../../samples/create-test-entry.ts';

/** An inbox that only adds, with an empty queue, and the other end of that queue. */
export interface AddOnlySubject {
  readonly inbox: Inbox;
  /** All messages that have come out so far, as `process()` would be given them. */
  received(): Promise<readonly unknown[]>;
}

/** Messages may come as bytes, text, or parsed. */
function parse(message: unknown): unknown {
  if (message instanceof Uint8Array) return parse(new TextDecoder().decode(message));
  return typeof message === 'string' ? JSON.parse(message) : message;
}

/** What an inbox of `add` alone has to keep. */
export const addOnlyContract: readonly ContractCase<AddOnlySubject>[] = [
  {
    name: 'add: the first is added and comes out, every later one is a duplicate and does not',
    async run({ inbox, received }) {
      const entry = createTestEntry();
      assert.equal(await inbox.add(entry), 'added');
      assert.equal(await inbox.add(entry), 'duplicate');
      assert.equal(await inbox.add({ ...entry, status: 'TASK_STATUS_FAILED' }), 'duplicate');
      assert.deepEqual((await received()).map(parse), [entry]);
    },
  },
  {
    name: 'add: of many at the same time exactly one is added',
    async run({ inbox, received }) {
      const entry = createTestEntry();
      const results = await Promise.all(Array.from({ length: 100 }, () => inbox.add(entry)));
      assert.equal(results.filter((result) => result === 'added').length, 1);
      assert.equal((await received()).length, 1);
    },
  },
  {
    name: 'add: names of endpoints and task ids of every shape are kept apart',
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
    name: 'add: everything in an entry comes out, also a large one',
    async run({ inbox, received }) {
      const body = JSON.stringify({ text: 'ü \u0000 \u2028 "quoted"', big: 'x'.repeat(1_000_000) });
      const metadata = { orderId: 42, nested: { list: [1, null, 'ü'] } };
      const entry = createTestEntry({ body, metadata, schemaError: 'a reason', testMode: true });
      await inbox.add(entry);
      assert.deepEqual((await received()).map(parse), [entry]);
    },
  },
  {
    name: 'add: an entry that drifted does not stand in the way of one that fits',
    async run({ inbox, received }) {
      const drifted = createTestEntry({ schemaError: 'images: not a list' });
      await inbox.add(drifted);
      assert.equal(await inbox.add({ ...drifted, schemaError: null }), 'added');
      assert.equal(await inbox.add({ ...drifted, schemaError: null }), 'duplicate');
      assert.equal((await received()).length, 2);
    },
  },
  {
    name: 'it says what it cannot do',
    async run({ inbox }) {
      assert.equal(inbox.capabilities.addOnly, true);
      await assert.rejects(inbox.stats(), { code: 'not_supported' });
    },
  },
];
