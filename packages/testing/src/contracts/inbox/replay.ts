import assert from 'node:assert/strict';

import type { EntryQuery } from '@novita-webhooks/core';
import { createTestEntry } from '../../samples/create-test-entry.ts';
import {
  consume,
  dead,
  done,
  eventually,
  holdRuns,
  settleAs,
  stateOf,
  type InboxCase,
} from './inbox-subject.ts';

export const operating: readonly InboxCase[] = [
  {
    name: 'replay: after done every handler runs again, in a series of its own',
    async run(subject) {
      const entry = await settleAs(subject, done);
      assert.equal(await subject.inbox.replay(entry), true);
      assert.equal(await stateOf(subject.inbox, entry), 'pending');
      const held = holdRuns();
      const consumption = consume(subject, held.run);
      await eventually(subject, 'run again', () => held.entries.length === 1);
      const [again] = held.entries;
      assert.deepEqual([again?.attempts, again?.succeededHandlers, again?.reason], [1, [], null]);
      held.finish(done);
      await eventually(
        subject,
        'done',
        async () => (await stateOf(subject.inbox, entry)) === 'done',
      );
      await consumption.stop({ gracePeriodMs: 1000 });
    },
  },
  {
    name: 'replay: after dead only what had not succeeded runs again',
    async run(subject) {
      const entry = await settleAs(subject, dead);
      assert.equal(await subject.inbox.replay(entry), true);
      const held = holdRuns();
      const consumption = consume(subject, held.run);
      await eventually(subject, 'run again', () => held.entries.length === 1);
      const [again] = held.entries;
      assert.deepEqual([again?.attempts, again?.succeededHandlers], [1, ['one']]);
      held.finish(done);
      await consumption.stop({ gracePeriodMs: 1000 });
    },
  },
  {
    name: 'replay, discard: not for what is running; a pending entry can be discarded, not replayed',
    async run(subject) {
      const entry = createTestEntry();
      await subject.inbox.add(entry);
      assert.equal(await subject.inbox.replay(entry), false);
      const held = holdRuns();
      const consumption = consume(subject, held.run);
      await eventually(subject, 'running', () => held.entries.length === 1);
      assert.equal(await stateOf(subject.inbox, entry), 'running');
      assert.equal(await subject.inbox.replay(entry), false);
      assert.equal(await subject.inbox.discard(entry), false);
      held.finish(done);
      await consumption.stop({ gracePeriodMs: 1000 });
      const waiting = createTestEntry();
      await subject.inbox.add(waiting);
      assert.equal(await subject.inbox.discard(waiting), true);
      assert.equal(await subject.inbox.get(waiting), undefined);
    },
  },
  {
    name: 'discard: forgets the entry and that its task was seen',
    async run(subject) {
      for (const outcome of [done, dead]) {
        const entry = await settleAs(subject, outcome);
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
    name: 'list: by state and by endpoint',
    async run(subject) {
      const given = await settleAs(subject, dead);
      const handled = await settleAs(subject, done);
      const waiting = createTestEntry();
      const other = createTestEntry({ endpoint: 'other' });
      await subject.inbox.add(waiting);
      await subject.inbox.add(other);
      const taskIds = async (query?: EntryQuery) =>
        (await subject.inbox.list(query)).entries.map(({ taskId }) => taskId);
      assert.deepEqual(await taskIds({ state: 'dead' }), [given.taskId]);
      assert.deepEqual(await taskIds({ state: 'done' }), [handled.taskId]);
      assert.deepEqual(await taskIds({ state: 'pending' }), [other.taskId, waiting.taskId]);
      assert.deepEqual(await taskIds({ state: 'running' }), []);
      assert.deepEqual(await taskIds({ endpoint: 'other' }), [other.taskId]);
      assert.deepEqual(await taskIds({ endpoint: 'other', state: 'dead' }), []);
      const all = [other, waiting, handled, given].map(({ taskId }) => taskId);
      assert.deepEqual(await taskIds(), all);
    },
  },
  {
    name: 'stats: counts by state, and tells how far the work is behind',
    async run(subject) {
      await settleAs(subject, done);
      await settleAs(subject, dead);
      const again = {
        type: 'retry',
        delayMs: 3_600_000,
        reason: 'later',
        succeededHandlers: [],
      } as const;
      await settleAs(subject, again);
      const held = holdRuns();
      const consumption = consume(subject, held.run);
      await subject.inbox.add(createTestEntry());
      await eventually(subject, 'running', () => held.entries.length === 1);
      const { lagMs, ...counts } = await subject.inbox.stats();
      assert.deepEqual(counts, { pending: 1, running: 1, done: 1, dead: 1 });
      assert.equal(lagMs, 0, 'nothing is due');
      held.finish(done);
      await consumption.stop({ gracePeriodMs: 1000 });
      await subject.inbox.add(createTestEntry());
      await subject.advance(300);
      const late = await subject.inbox.stats();
      assert.equal(late.pending, 2);
      assert.ok(late.lagMs >= 250 && late.lagMs < 30_000, `lag ${late.lagMs}`);
    },
  },
];
