import assert from 'node:assert/strict';

import type { Outcome } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { stateOf } from '../entry/entry-port.ts';
import type { InboxCase, InboxSubject } from './inbox-subject.ts';
import { eventually, untilState } from './support/eventually.ts';
import { createHeldProcessor } from './support/held-processor.ts';
import { addAndSettle, dead, done, startConsumer } from './support/start-consumer.ts';

/** Settles an entry with `outcome`, replays it, and checks what the new attempt receives. */
async function assertReplayed(
  subject: InboxSubject,
  outcome: Outcome,
  succeededHandlers: readonly string[],
): Promise<void> {
  const entry = await addAndSettle(subject, outcome);
  assert.equal(await subject.inbox.replay(entry), true);
  assert.equal(await stateOf(subject.inbox, entry), 'pending');
  const held = createHeldProcessor();
  startConsumer(subject, held.run);
  await eventually(subject, 'running again', () => held.entries.length === 1);
  const [replayed] = held.entries;
  assert.deepEqual([replayed?.attempts, replayed?.succeededHandlers], [1, succeededHandlers]);
  if (outcome.type === 'done') assert.equal(replayed?.reason, null);
  held.finish(done);
  await untilState(subject, entry, 'done');
}

export const replayCases: readonly InboxCase[] = [
  {
    name: 'replay: after done, all handlers run again in a new series of attempts',
    run: (subject) => assertReplayed(subject, done, []),
  },
  {
    name: 'replay: after dead, the handlers that succeeded do not run again',
    run: (subject) => assertReplayed(subject, dead, ['one']),
  },
  {
    name: 'replay: returns false for a pending or running entry',
    async run(subject) {
      const entry = createTestEntry();
      await subject.inbox.add(entry);
      assert.equal(await subject.inbox.replay(entry), false);
      const held = createHeldProcessor();
      startConsumer(subject, held.run);
      await eventually(subject, 'running', () => held.entries.length === 1);
      assert.equal(await stateOf(subject.inbox, entry), 'running');
      assert.equal(await subject.inbox.replay(entry), false);
      held.finish(done);
    },
  },
];
