import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { InboxCase } from './inbox-subject.ts';
import { eventually } from './support/eventually.ts';
import { createHeldProcessor } from './support/held-processor.ts';
import { addAndSettle, dead, done, startConsumer } from './support/start-consumer.ts';

/** `stats`: counts and lag. */
export const statsCases: readonly InboxCase[] = [
  {
    name: 'stats: counts entries by state and the lag of the oldest due entry',
    async run(subject) {
      await addAndSettle(subject, done);
      await addAndSettle(subject, dead);
      await addAndSettle(subject, {
        type: 'retry',
        delayMs: 3_600_000,
        reason: 'later',
        succeededHandlers: [],
      });
      const held = createHeldProcessor();
      const consumer = startConsumer(subject, held.run);
      await subject.inbox.add(createTestEntry());
      await eventually(subject, 'running', () => held.entries.length === 1);
      const { lagMs, expected, ...counts } = await subject.inbox.stats();
      assert.ok(expected === 0 || expected === null, `${expected} expected`);
      assert.deepEqual(counts, { pending: 1, running: 1, done: 1, dead: 1 });
      assert.equal(lagMs, 0, 'no entry is due');
      held.finish(done);
      await consumer.stop({ gracePeriodMs: 1000 });
      await subject.inbox.add(createTestEntry());
      await subject.advance(300);
      const later = await subject.inbox.stats();
      assert.equal(later.pending, 2);
      assert.ok(later.lagMs >= 250 && later.lagMs < 30_000, `lag ${later.lagMs} ms`);
    },
  },
];
