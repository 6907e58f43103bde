import assert from 'node:assert/strict';

import type { EntryState, NewEntry } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { EntryCase, EntryPort } from './entry-port.ts';

/** A task that was submitted and has no result yet. */
function createExpectation(changes: Partial<NewEntry> = {}): NewEntry {
  const noResult = { source: 'expectation', schemaError: 'no result', status: '' } as const;
  return createTestEntry({ ...noResult, body: '{"until":1}', ...changes });
}

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** `add`: an expectation gives way to its result, and what was given with it stays. */
export const expectationCases: readonly EntryCase[] = [
  {
    name: 'expectation: gives way to the result, with its metadata and trace, once',
    async run(port) {
      const awaited = createExpectation({ metadata: { orderId: 7 }, traceparent: TRACEPARENT });
      assert.equal(await port.add(awaited), 'added');
      assert.equal(await port.add(awaited), 'duplicate');
      const result = createTestEntry({ taskId: awaited.taskId, body: '{"result":1}' });
      assert.equal(await port.add(result), 'added');
      assert.equal(await port.add(result), 'duplicate');
      assert.equal(await port.add(awaited), 'duplicate', 'never the reverse');
      const { body, source, metadata, traceparent } = (await port.get(awaited)) ?? {};
      assert.deepEqual([body, source, metadata], ['{"result":1}', 'delivery', { orderId: 7 }]);
      assert.equal(traceparent, TRACEPARENT);
    },
  },
  {
    name: 'expectation: its metadata comes first, and the trace of the result',
    async run(port) {
      const awaited = createExpectation({ metadata: { orderId: 7 }, traceparent: TRACEPARENT });
      await port.add(awaited);
      const trace = TRACEPARENT.replace('0af', '1af');
      const own = { metadata: { orderId: 8 }, traceparent: trace, tokenId: 'n1' };
      await port.add(createTestEntry({ taskId: awaited.taskId, ...own }));
      const { metadata, traceparent, tokenId } = (await port.get(awaited)) ?? {};
      assert.deepEqual([metadata, traceparent, tokenId], [{ orderId: 7 }, trace, 'n1']);
    },
  },
  {
    name: 'expectation: without metadata takes that of the result',
    async run(port) {
      const awaited = createExpectation();
      await port.add(awaited);
      await port.add(createTestEntry({ taskId: awaited.taskId, metadata: { orderId: 8 } }));
      assert.deepEqual((await port.get(awaited))?.metadata, { orderId: 8 });
    },
  },
  {
    name: 'expectation: the token of a test event counts only if a test is awaited',
    async run(port) {
      const test = { testMode: true, tokenId: 'test:1' };
      for (const testMode of [false, true]) {
        const awaited = createExpectation({ testMode });
        await port.add(awaited);
        await port.add(createTestEntry({ taskId: awaited.taskId, ...test }));
        assert.equal((await port.get(awaited))?.tokenId, testMode ? 'test:1' : null);
      }
    },
  },
  {
    name: 'expectation: an event with a schema error does not leave its metadata',
    async run(port) {
      const invalid = createTestEntry({ schemaError: 'no list', metadata: { orderId: 7 } });
      await port.add(invalid);
      await port.add({ ...invalid, schemaError: null, metadata: {} });
      assert.deepEqual((await port.get(invalid))?.metadata, {});
    },
  },
  {
    name: 'expectation: is listed as expected and nowhere else',
    async run(port) {
      const awaited = createExpectation();
      const event = createTestEntry();
      for (const entry of [awaited, event]) await port.add(entry);
      assert.deepEqual(await tasksIn(port, ['expected']), [awaited.taskId]);
      assert.deepEqual(await tasksIn(port, ['pending']), [event.taskId]);
      assert.deepEqual(await tasksIn(port, ['running', 'done', 'dead']), []);
      const both = await tasksIn(port, ['pending', 'expected', 'done']);
      assert.deepEqual(both.toSorted(), [awaited.taskId, event.taskId].toSorted());
    },
  },
  {
    name: 'expectation: is counted as expected, if the engine can count it',
    async run(port) {
      await port.add(createExpectation());
      await port.add(createTestEntry());
      const { expected, pending } = await port.stats();
      assert.deepEqual([expected, pending], expected === null ? [null, 2] : [1, 1]);
    },
  },
];

async function tasksIn(port: EntryPort, states: readonly EntryState[]): Promise<string[]> {
  const { entries } = await port.list({ states });
  return entries.map(({ taskId }) => taskId);
}
