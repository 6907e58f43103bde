import assert from 'node:assert/strict';

import type { EntryProcessor, Entry, Outcome } from '@novita-webhooks/core';
import { createTestEntry } from '../../samples/create-test-entry.ts';
import { consume, done, eventually, type InboxCase } from './inbox-subject.ts';

export const consuming: readonly InboxCase[] = [
  {
    name: 'consume: what was added before and after the start is run once each',
    async run(subject) {
      const seen: string[] = [];
      const early = createTestEntry();
      const late = createTestEntry();
      await subject.inbox.add(early);
      const consumption = consume(subject, async ({ taskId }) => {
        seen.push(taskId);
        return done;
      });
      await subject.inbox.add(late);
      await subject.inbox.add(late);
      await eventually(subject, 'both done', async () => (await subject.inbox.stats()).done === 2);
      assert.deepEqual([...seen].sort(), [early.taskId, late.taskId].sort());
      await consumption.stop({ gracePeriodMs: 1000 });
    },
  },
  {
    name: 'consume: as many at a time as it was told, and no more',
    async run(subject) {
      for (let index = 0; index < 20; index += 1) await subject.inbox.add(createTestEntry());
      let running = 0;
      let most = 0;
      const run: EntryProcessor = async () => {
        running += 1;
        most = Math.max(most, running);
        await Promise.resolve();
        await new Promise((resolve) => setTimeout(resolve, 1));
        running -= 1;
        return done;
      };
      const consumption = consume(subject, run, { concurrency: 4 });
      await eventually(subject, 'all done', async () => (await subject.inbox.stats()).done === 20);
      assert.equal(most, 4);
      await consumption.stop({ gracePeriodMs: 1000 });
    },
  },
  {
    name: 'consume: an attempt to be made again is made again, at its time',
    async run(subject) {
      const attempts: number[] = [];
      await subject.inbox.add(createTestEntry());
      const consumption = consume(subject, async (entry) => {
        attempts.push(entry.attempts);
        if (entry.attempts === 3) return done;
        return { type: 'retry', delayMs: 100, reason: 'not yet', succeededHandlers: [] };
      });
      await eventually(subject, 'done', async () => (await subject.inbox.stats()).done === 1);
      assert.deepEqual(attempts, [1, 2, 3]);
      await consumption.stop({ gracePeriodMs: 1000 });
    },
  },
  {
    name: 'consume: tells of an outcome after it was recorded',
    async run(subject) {
      const settled: [Entry, Outcome][] = [];
      const entry = createTestEntry();
      await subject.inbox.add(entry);
      const dead: Outcome = { type: 'dead', reason: 'no use', succeededHandlers: [] };
      const consumption = consume(subject, async () => dead, {
        onSettled: (...args) => void settled.push(args),
      });
      await eventually(subject, 'told', () => settled.length === 1);
      assert.equal(settled[0]?.[0].taskId, entry.taskId);
      assert.deepEqual(settled[0][1], dead);
      assert.equal((await subject.inbox.get(entry))?.state, 'dead');
      await consumption.stop({ gracePeriodMs: 1000 });
    },
  },
  {
    name: 'consume: a replayed entry is run again',
    async run(subject) {
      const entry = createTestEntry();
      let runs = 0;
      await subject.inbox.add(entry);
      const consumption = consume(subject, async () => {
        runs += 1;
        return done;
      });
      await eventually(
        subject,
        'done',
        async () => (await subject.inbox.get(entry))?.state === 'done',
      );
      assert.equal(await subject.inbox.replay(entry), true);
      await eventually(subject, 'run again', () => runs === 2);
      await consumption.stop({ gracePeriodMs: 1000 });
    },
  },
];
