import assert from 'node:assert/strict';

import type { Entry, EntryProcessor, Outcome } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { stateOf } from '../entry/entry-port.ts';
import type { InboxCase } from './inbox-subject.ts';
import { untilDone } from './support/eventually.ts';
import { addAndSettle, dead, done, startConsumer } from './support/start-consumer.ts';

/** What an entry keeps after each kind of outcome. */
export const settleCases: readonly InboxCase[] = [
  {
    name: 'settle: a done or dead entry is kept, and add returns duplicate',
    async run(subject) {
      for (const outcome of [done, dead]) {
        const entry = await addAndSettle(subject, outcome);
        const found = await subject.inbox.get(entry);
        assert.equal(found?.state, outcome.type);
        assert.equal(found.reason, outcome.type === 'dead' ? 'it cannot work' : null);
        assert.equal(found.dueAt, null);
        assert.equal(typeof found.finishedAt, 'number');
        assert.equal(await subject.inbox.add(entry), 'duplicate');
        assert.equal(await stateOf(subject.inbox, entry), outcome.type);
      }
    },
  },
  {
    name: 'settle: succeeded handlers accumulate and reach later attempts',
    async run(subject) {
      const seen: Entry[] = [];
      const next: Outcome[] = [
        { type: 'retry', delayMs: 0, reason: 'two failed', succeededHandlers: ['one'] },
        { type: 'retry', delayMs: 0, reason: 'three failed', succeededHandlers: ['two'] },
        done,
      ];
      const run: EntryProcessor = async (entry) => {
        seen.push(entry);
        return next.shift() ?? done;
      };
      await subject.inbox.add(createTestEntry());
      startConsumer(subject, run);
      await untilDone(subject, 1);
      const succeeded = seen.map((entry) => [...entry.succeededHandlers].sort());
      assert.deepEqual(succeeded, [[], ['one'], ['one', 'two']]);
      assert.deepEqual(
        seen.map(({ reason }) => reason),
        [null, 'two failed', 'three failed'],
      );
    },
  },
  {
    name: 'settle: an entry to be retried is pending, with reason and due time',
    async run(subject) {
      const entry = await addAndSettle(subject, {
        type: 'retry',
        delayMs: 3_600_000,
        reason: 'not yet',
        succeededHandlers: [],
      });
      const { state, reason, attempts, dueAt } = (await subject.inbox.get(entry)) ?? {};
      assert.deepEqual([state, reason, attempts], ['pending', 'not yet', 1]);
      assert.equal(typeof dueAt, 'number');
    },
  },
  {
    name: 'settle: a released entry runs again as the same attempt',
    async run(subject) {
      const seen: [number, readonly string[]][] = [];
      const run: EntryProcessor = async ({ attempts, succeededHandlers }) => {
        seen.push([attempts, succeededHandlers]);
        if (seen.length > 2) return done;
        return { type: 'released', delayMs: 0, succeededHandlers: ['one'] };
      };
      await subject.inbox.add(createTestEntry());
      startConsumer(subject, run);
      await untilDone(subject, 1);
      assert.deepEqual(seen, [
        [1, []],
        [1, ['one']],
        [1, ['one']],
      ]);
    },
  },
];
