import assert from 'node:assert/strict';

import type { EntryProcessor, Entry, Outcome } from '@novita-webhooks/core';
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

const DRIFT = 'images: not a list';

export const settling: readonly InboxCase[] = [
  {
    name: 'settle: what is done or dead is kept as that, and still makes a duplicate',
    async run(subject) {
      for (const outcome of [done, dead]) {
        const entry = await settleAs(subject, outcome);
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
    name: 'settle: which handlers have succeeded is known to later attempts, and only grows',
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
      const consumption = consume(subject, run);
      await eventually(subject, 'done', async () => (await subject.inbox.stats()).done === 1);
      const handled = seen.map((entry) => [...entry.succeededHandlers].sort());
      assert.deepEqual(handled, [[], ['one'], ['one', 'two']]);
      assert.deepEqual(
        seen.map(({ reason }) => reason),
        [null, 'two failed', 'three failed'],
      );
      await consumption.stop({ gracePeriodMs: 1000 });
    },
  },
  {
    name: 'settle: what waits for its next attempt is pending, with a reason and a time',
    async run(subject) {
      const again = {
        type: 'retry',
        delayMs: 3_600_000,
        reason: 'not yet',
        succeededHandlers: [],
      } as const;
      const entry = await settleAs(subject, again);
      const { state, reason, attempts, dueAt } = (await subject.inbox.get(entry)) ?? {};
      assert.deepEqual([state, reason, attempts], ['pending', 'not yet', 1]);
      assert.equal(typeof dueAt, 'number');
    },
  },
  {
    name: 'settle: what a consumer gave back costs no attempt, and is run again',
    async run(subject) {
      const seen: [number, readonly string[]][] = [];
      const run: EntryProcessor = async ({ attempts, succeededHandlers }) => {
        seen.push([attempts, succeededHandlers]);
        if (seen.length > 2) return done;
        return { type: 'released', delayMs: 0, succeededHandlers: ['one'] };
      };
      await subject.inbox.add(createTestEntry());
      const consumption = consume(subject, run);
      await eventually(subject, 'done', async () => (await subject.inbox.stats()).done === 1);
      assert.deepEqual(seen, [
        [1, []],
        [1, ['one']],
        [1, ['one']],
      ]);
      await consumption.stop({ gracePeriodMs: 1000 });
    },
  },
  {
    name: 'drift: a dead entry that drifted gives way to one that fits, and never the other way',
    async run(subject) {
      const drifted = createTestEntry({ schemaError: DRIFT, body: '{"drifted":1}' });
      const fits = { ...drifted, schemaError: null, body: '{"fits":1}' };
      await settleAs(subject, dead, drifted);
      assert.equal(await subject.inbox.add(drifted), 'duplicate');
      assert.equal(await subject.inbox.add(fits), 'added');
      const { state, body, attempts } = (await subject.inbox.get(fits)) ?? {};
      assert.deepEqual([state, body, attempts], ['pending', '{"fits":1}', 0]);
      assert.equal(await subject.inbox.add(drifted), 'duplicate');
      assert.equal((await subject.inbox.list()).entries.length, 1);
    },
  },
  {
    name: 'drift: one that was handled after all stays',
    async run(subject) {
      const drifted = await settleAs(subject, done, createTestEntry({ schemaError: DRIFT }));
      assert.equal(await subject.inbox.add({ ...drifted, schemaError: null }), 'duplicate');
    },
  },
  {
    name: 'drift: whoever runs one that gave way has lost it, and the real one is run',
    async run(subject) {
      const drifted = createTestEntry({ schemaError: DRIFT });
      const held = holdRuns();
      const settled: (string | null)[] = [];
      await subject.inbox.add(drifted);
      const consumption = consume(subject, held.run, {
        onSettled: ({ schemaError }) => void settled.push(schemaError),
      });
      await eventually(subject, 'running', () => held.entries.length === 1);
      assert.equal(await subject.inbox.add({ ...drifted, schemaError: null }), 'added');
      held.finish(dead); // of the drifted one: does not count
      const isRun = () => held.entries.some(({ schemaError }) => schemaError === null);
      await eventually(subject, 'the real one is run', isRun, subject.leaseDurationMs / 20);
      held.finish(done);
      const isDone = async () => (await stateOf(subject.inbox, drifted)) === 'done';
      await eventually(subject, 'the real one is done', isDone);
      assert.deepEqual(settled, [null]);
      await consumption.stop({ gracePeriodMs: 1000 });
    },
  },
];
