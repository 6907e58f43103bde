import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { InboxCase } from './inbox-subject.ts';
import { eventually } from './support/eventually.ts';
import { createHeldProcessor } from './support/held-processor.ts';
import { addAndSettle, dead, done, startConsumer } from './support/start-consumer.ts';

/** `discard`: finished, running and pending entries. */
export const discardCases: readonly InboxCase[] = [
  {
    name: 'discard: deletes a finished entry, and its task can be added again',
    async run(subject) {
      for (const outcome of [done, dead]) {
        const entry = await addAndSettle(subject, outcome);
        assert.equal(await subject.inbox.discard(entry), true);
        assert.equal(await subject.inbox.get(entry), undefined);
        assert.equal(await subject.inbox.discard(entry), false);
        assert.equal(await subject.inbox.add(entry), 'added');
        assert.equal(await subject.inbox.discard(entry), true);
      }
      assert.deepEqual((await subject.inbox.list()).entries, []);
    },
  },
  {
    name: 'discard: returns false for a running entry, deletes a pending one',
    async run(subject) {
      const running = createTestEntry();
      await subject.inbox.add(running);
      const held = createHeldProcessor();
      const consumer = startConsumer(subject, held.run);
      await eventually(subject, 'running', () => held.entries.length === 1);
      assert.equal(await subject.inbox.discard(running), false);
      held.finish(done);
      await consumer.stop({ gracePeriodMs: 1000 });
      const pending = createTestEntry();
      await subject.inbox.add(pending);
      assert.equal(await subject.inbox.discard(pending), true);
      assert.equal(await subject.inbox.get(pending), undefined);
    },
  },
];
