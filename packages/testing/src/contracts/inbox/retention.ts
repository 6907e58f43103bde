import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { consume, dead, done, eventually, settleAs, stateOf, type InboxCase } from './inbox-subject.ts';

const cases: readonly InboxCase[] = [
  {
    name: 'retention: what was done that long ago is forgotten, and its task is new again',
    async run(subject) {
      const { doneMs = 0 } = subject.retention ?? {};
      const entry = await settleAs(subject, done);
      const consumption = consume(subject, async () => done);
      assert.equal(await stateOf(subject.inbox, entry), 'done');
      const isGone = async () => (await subject.inbox.get(entry)) === undefined;
      await eventually(subject, 'forgotten', isGone, doneMs / 40);
      assert.equal((await subject.inbox.stats()).done, 0);
      assert.deepEqual((await subject.inbox.list()).entries, []);
      assert.equal(await subject.inbox.add(entry), 'added');
      await consumption.stop({ gracePeriodMs: 0 });
    },
  },
  {
    name: 'retention: dead letters have their own, and what waits is kept',
    async run(subject) {
      const { deadMs = 0 } = subject.retention ?? {};
      const entry = await settleAs(subject, dead);
      const waiting = createTestEntry({ endpoint: 'other' });
      await subject.inbox.add(waiting);
      const consumption = consume(subject, async () => done);
      const isGone = async () => (await subject.inbox.get(entry)) === undefined;
      await eventually(subject, 'forgotten', isGone, deadMs / 40);
      assert.equal((await subject.inbox.stats()).dead, 0);
      assert.equal(await stateOf(subject.inbox, waiting), 'pending');
      await consumption.stop({ gracePeriodMs: 0 });
    },
  },
];

/** What is forgotten, and when: whoever consumes sees to it. */
export const retaining: readonly InboxCase[] = cases.map((one) => ({
  ...one,
  skip: ({ retention }) =>
    retention ? undefined : 'the subject does not say how long it keeps entries',
}));
