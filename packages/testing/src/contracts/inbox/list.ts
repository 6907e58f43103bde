import assert from 'node:assert/strict';

import type { EntryQuery } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { InboxCase } from './inbox-subject.ts';
import { addAndSettle, dead, done } from './support/start-consumer.ts';

/** `list`: filters. */
export const listCases: readonly InboxCase[] = [
  {
    name: 'list: filters by state and endpoint, latest first',
    async run(subject) {
      const deadEntry = await addAndSettle(subject, dead);
      const doneEntry = await addAndSettle(subject, done);
      const pending = createTestEntry();
      const other = createTestEntry({ endpoint: 'other' });
      await subject.inbox.add(pending);
      await subject.inbox.add(other);
      const taskIds = async (query?: EntryQuery) =>
        (await subject.inbox.list(query)).entries.map(({ taskId }) => taskId);
      assert.deepEqual(await taskIds({ states: ['dead'] }), [deadEntry.taskId]);
      assert.deepEqual(await taskIds({ states: ['done'] }), [doneEntry.taskId]);
      assert.deepEqual(await taskIds({ states: ['pending'] }), [other.taskId, pending.taskId]);
      assert.deepEqual(await taskIds({ states: ['running'] }), []);
      assert.deepEqual(await taskIds({ endpoint: 'other' }), [other.taskId]);
      assert.deepEqual(await taskIds({ endpoint: 'other', states: ['dead'] }), []);
      const all = [other, pending, doneEntry, deadEntry].map(({ taskId }) => taskId);
      assert.deepEqual(await taskIds(), all);
    },
  },
];
