import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { stateOf } from '../entry/entry-port.ts';
import type { InboxCase } from './inbox-subject.ts';
import { eventually, untilState } from './support/eventually.ts';
import { createHeldProcessor } from './support/held-processor.ts';
import { done, startConsumer } from './support/start-consumer.ts';

/** The lease of a running attempt: extended, or lost. */
export const leaseCases: readonly InboxCase[] = [
  {
    name: 'lease: is extended while an attempt runs, so no second attempt begins',
    async run(subject) {
      const entry = createTestEntry();
      await subject.inbox.add(entry);
      const held = createHeldProcessor();
      startConsumer(subject, held.run);
      await eventually(subject, 'running', () => held.entries.length === 1);
      for (let quarter = 0; quarter < 20; quarter += 1)
        await subject.advance(subject.leaseDurationMs / 4);
      assert.equal(held.entries.length, 1);
      held.finish(done);
      await untilState(subject, entry, 'done');
    },
  },
  {
    name: 'lease: if it is lost, the attempt is aborted and its outcome rejected',
    skip: ({ loseLeases }) => (loseLeases ? undefined : 'the subject has no loseLeases'),
    async run(subject) {
      const entry = createTestEntry();
      await subject.inbox.add(entry);
      let first: AbortSignal | undefined;
      let settled = 0;
      startConsumer(
        subject,
        (_, signal) =>
          new Promise((resolve) => {
            first ??= signal;
            signal.addEventListener('abort', () => resolve(done));
          }),
        { onSettled: () => (settled += 1) },
      );
      await eventually(subject, 'running', () => first !== undefined);
      await subject.loseLeases?.();
      await eventually(subject, 'aborted', () => first?.aborted, subject.leaseDurationMs / 20);
      assert.equal((first?.reason as { code: string }).code, 'lease_lost');
      await subject.advance(25);
      assert.equal(settled, 0);
      assert.notEqual(await stateOf(subject.inbox, entry), 'done');
    },
  },
];
