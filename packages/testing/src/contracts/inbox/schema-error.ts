import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { createBoundTokenId } from '../entry/bound-token.ts';
import type { InboxCase } from './inbox-subject.ts';
import { eventually, untilState } from './support/eventually.ts';
import { createHeldProcessor } from './support/held-processor.ts';
import { addAndSettle, dead, done, startConsumer } from './support/start-consumer.ts';

const SCHEMA_ERROR = 'images: not a list';

/** An entry with a schema error, and a valid event for the same task. */
export const schemaErrorCases: readonly InboxCase[] = [
  {
    name: 'schema error: a valid event replaces a dead invalid one, not vice versa',
    async run(subject) {
      const invalid = createTestEntry({ schemaError: SCHEMA_ERROR, body: '{"invalid":1}' });
      const valid = { ...invalid, schemaError: null, body: '{"valid":1}' };
      await addAndSettle(subject, dead, invalid);
      assert.equal(await subject.inbox.add(invalid), 'duplicate');
      assert.equal(await subject.inbox.add(valid), 'added');
      const { state, body, attempts } = (await subject.inbox.get(valid)) ?? {};
      assert.deepEqual([state, body, attempts], ['pending', '{"valid":1}', 0]);
      assert.equal(await subject.inbox.add(invalid), 'duplicate');
      assert.equal((await subject.inbox.list()).entries.length, 1);
    },
  },
  {
    name: 'schema error: a done entry is not replaced',
    async run(subject) {
      const invalid = createTestEntry({ schemaError: SCHEMA_ERROR });
      await addAndSettle(subject, done, invalid);
      const valid = { ...invalid, schemaError: null };
      assert.equal(await subject.inbox.add(valid), 'duplicate');
      const other = createTestEntry({ tokenId: createBoundTokenId() });
      assert.equal(await subject.inbox.add(other), 'added');
      const { tokenId } = other;
      assert.equal(await subject.inbox.add({ ...valid, tokenId }), 'duplicate', 'with any token');
    },
  },
  {
    name: 'schema error: an attempt on a replaced entry loses its lease',
    async run(subject) {
      const invalid = createTestEntry({ schemaError: SCHEMA_ERROR });
      const held = createHeldProcessor();
      const settled: (string | null)[] = [];
      await subject.inbox.add(invalid);
      startConsumer(subject, held.run, {
        onSettled: ({ schemaError }) => void settled.push(schemaError),
      });
      await eventually(subject, 'running', () => held.entries.length === 1);
      assert.equal(await subject.inbox.add({ ...invalid, schemaError: null }), 'added');
      held.finish(dead); // the outcome of the replaced entry, which must be rejected
      const isRunning = () => held.entries.some(({ schemaError }) => schemaError === null);
      await eventually(subject, 'valid event runs', isRunning, subject.leaseDurationMs / 20);
      held.finish(done);
      await untilState(subject, invalid, 'done');
      // The inbox calls back after the store has answered; a reader may see the state before.
      await eventually(subject, 'onSettled is called', () => settled.length > 0);
      assert.deepEqual(settled, [null]);
    },
  },
];
