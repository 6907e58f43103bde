import assert from 'node:assert/strict';

import type { NewEntry } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { EntryCase } from './entry-port.ts';

let count = 0;

/** The id of a token for one task, unique in this process. See `isBoundToken`. */
export function createBoundTokenId(): string {
  count += 1;
  return `once:${process.pid}-${count}`;
}

const expectationOf = (changes: Partial<NewEntry>): NewEntry =>
  createTestEntry({ source: 'expectation', schemaError: 'no result', status: '', ...changes });

const cases: readonly EntryCase[] = [
  {
    name: 'bound token: an entry of another task is refused, and nothing of it is kept',
    async run(port) {
      const first = createTestEntry({ tokenId: createBoundTokenId() });
      const second = createTestEntry({ tokenId: first.tokenId });
      assert.equal(await port.add(first), 'added');
      for (const schemaError of [null, 'no list']) {
        assert.equal(await port.add({ ...second, schemaError }), 'other_task');
      }
      assert.equal(await port.get(second), undefined);
      assert.deepEqual(await tasksOf(port), [first.taskId]);
      assert.equal(await port.add(first), 'duplicate', 'its own task');
      assert.equal(await port.add({ ...second, tokenId: createBoundTokenId() }), 'added');
    },
  },
  {
    name: 'bound token: a copy of a stored event is a duplicate, with any token',
    async run(port) {
      const [first, second] = [createTestEntry(), createTestEntry()].map((entry) => ({
        ...entry,
        tokenId: createBoundTokenId(),
      })) as [NewEntry, NewEntry];
      for (const entry of [first, second]) await port.add(entry);
      assert.equal(await port.add({ ...first, tokenId: second.tokenId }), 'duplicate');
      assert.equal(await port.add({ ...first, tokenId: null }), 'duplicate');
      assert.equal((await port.get(first))?.tokenId, first.tokenId);
    },
  },
  {
    name: 'bound token: of 20 concurrent tasks with one token, exactly one is added',
    async run(port) {
      const tokenId = createBoundTokenId();
      const entries = Array.from({ length: 20 }, () => createTestEntry({ tokenId }));
      const answers = await Promise.all(entries.map(async (entry) => port.add(entry)));
      assert.deepEqual(answers.toSorted(), ['added', ...entries.slice(1).map(() => 'other_task')]);
      const [added] = entries.filter((_, index) => answers[index] === 'added');
      assert.deepEqual(await tasksOf(port), [added?.taskId]);
    },
  },
  {
    name: 'bound token: other tokens and none may come with many tasks',
    async run(port) {
      for (const tokenId of ['n1', 'n1', 'test:n1', 'test:n1', null, null]) {
        assert.equal(await port.add(createTestEntry({ tokenId })), 'added');
      }
    },
  },
  {
    name: 'bound token: a discarded entry gives its token back',
    async run(port) {
      const first = createTestEntry({ tokenId: createBoundTokenId() });
      await port.add(first);
      assert.equal(await port.discard(first), true);
      assert.equal(await port.add(createTestEntry({ tokenId: first.tokenId })), 'added');
    },
  },
  {
    name: 'bound token: does not correct the schema error of another task',
    async run(port) {
      const first = createTestEntry({ tokenId: createBoundTokenId() });
      const invalid = createTestEntry({ schemaError: 'no list', tokenId: createBoundTokenId() });
      for (const entry of [first, invalid]) assert.equal(await port.add(entry), 'added');
      const valid = { ...invalid, schemaError: null };
      assert.equal(await port.add({ ...valid, tokenId: first.tokenId }), 'other_task');
      assert.equal((await port.get(invalid))?.schemaError, 'no list');
      const own = createBoundTokenId();
      assert.equal(await port.add({ ...valid, tokenId: own }), 'added');
      assert.equal((await port.get(invalid))?.tokenId, own);
    },
  },
  {
    name: 'bound token: an expectation takes a delivery with its own token only',
    async run(port) {
      const awaited = expectationOf({ tokenId: createBoundTokenId(), metadata: { orderId: 7 } });
      assert.equal(await port.add(awaited), 'added');
      const result = createTestEntry({ taskId: awaited.taskId });
      for (const tokenId of [createBoundTokenId(), 'n1', null]) {
        assert.equal(await port.add({ ...result, tokenId }), 'other_task', String(tokenId));
      }
      assert.equal((await port.get(awaited))?.source, 'expectation');
      assert.equal(await port.add({ ...result, tokenId: awaited.tokenId }), 'added');
      assert.equal((await port.get(awaited))?.tokenId, awaited.tokenId);
    },
  },
  {
    name: 'bound token: stays with an expectation, and with the result that was asked for',
    async run(port) {
      const awaited = expectationOf({ tokenId: createBoundTokenId() });
      const other = createTestEntry({ tokenId: awaited.tokenId });
      await port.add(awaited);
      assert.equal(await port.add(other), 'other_task', 'before the result');
      const found = createTestEntry({ taskId: awaited.taskId, source: 'sweep' });
      assert.equal(await port.add(found), 'added');
      assert.equal((await port.get(awaited))?.tokenId, awaited.tokenId);
      assert.equal(await port.add(other), 'other_task', 'after it');
    },
  },
  {
    name: 'bound token: an expectation whose token came with another task is refused',
    async run(port) {
      const first = createTestEntry({ tokenId: createBoundTokenId() });
      await port.add(first);
      const awaited = expectationOf({ tokenId: first.tokenId });
      assert.equal(await port.add(awaited), 'other_task');
      assert.equal(await port.add({ ...awaited, tokenId: null }), 'added');
    },
  },
];

const tasksOf = async (port: Parameters<EntryCase['run']>[0]): Promise<string[]> =>
  (await port.list()).entries.map(({ taskId }) => taskId);

/** `add`: a token for one task is in one entry only. For stores that declare `bindsTokens`. */
export const boundTokenCases: readonly EntryCase[] = cases.map((one) => ({
  ...one,
  skip: ({ capabilities }) =>
    capabilities.bindsTokens === true ? undefined : 'it does not declare bindsTokens',
}));
