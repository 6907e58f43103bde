import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { stateOf } from '../entry/entry-port.ts';
import type { InboxCase } from './inbox-subject.ts';
import { eventually } from './support/eventually.ts';
import { addAndSettle, dead, done, startConsumer } from './support/start-consumer.ts';

const cases: readonly InboxCase[] = [
  {
    name: 'retention: a done entry is deleted, and its task can be added again',
    async run(subject) {
      const { doneMs = 0 } = subject.retention ?? {};
      const entry = await addAndSettle(subject, done);
      startConsumer(subject, async () => done);
      assert.equal(await stateOf(subject.inbox, entry), 'done');
      const isDeleted = async () => (await subject.inbox.get(entry)) === undefined;
      await eventually(subject, 'deleted', isDeleted, doneMs / 40);
      assert.equal((await subject.inbox.stats()).done, 0);
      assert.deepEqual((await subject.inbox.list()).entries, []);
      assert.equal(await subject.inbox.add(entry), 'added');
    },
  },
  {
    name: 'retention: a dead entry is deleted, and a pending one is kept',
    async run(subject) {
      const { deadMs = 0 } = subject.retention ?? {};
      const entry = await addAndSettle(subject, dead);
      const pending = createTestEntry({ endpoint: 'other' });
      await subject.inbox.add(pending);
      startConsumer(subject, async () => done);
      const isDeleted = async () => (await subject.inbox.get(entry)) === undefined;
      await eventually(subject, 'deleted', isDeleted, deadMs / 40);
      assert.equal((await subject.inbox.stats()).dead, 0);
      assert.equal(await stateOf(subject.inbox, pending), 'pending');
    },
  },
];

/** Each case runs a consumer, since a consumer deletes the expired entries. */
export const retentionCases: readonly InboxCase[] = cases.map((contractCase) => ({
  ...contractCase,
  skip: ({ retention }) => (retention ? undefined : 'the subject has no retention'),
}));
