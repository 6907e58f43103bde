import assert from 'node:assert/strict';

import type { Entry, EntryProcessor, Outcome } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { stateOf } from '../entry/entry-port.ts';
import type { InboxCase } from './inbox-subject.ts';
import { eventually, untilDone, untilState } from './support/eventually.ts';
import { dead, done, startConsumer } from './support/start-consumer.ts';

/** `consume`: each entry once, concurrency, retries and `onSettled`. */
export const consumeCases: readonly InboxCase[] = [
  {
    name: 'consume: processes entries added before and after the start, once each',
    async run(subject) {
      const seen: string[] = [];
      const early = createTestEntry();
      const late = createTestEntry();
      await subject.inbox.add(early);
      startConsumer(subject, async ({ taskId }) => {
        seen.push(taskId);
        return done;
      });
      await subject.inbox.add(late);
      await subject.inbox.add(late);
      await untilDone(subject, 2);
      assert.deepEqual([...seen].sort(), [early.taskId, late.taskId].sort());
    },
  },
  {
    name: 'consume: runs up to `concurrency` entries at a time, never more',
    async run(subject) {
      for (let index = 0; index < 20; index += 1) await subject.inbox.add(createTestEntry());
      let running = 0;
      let maxRunning = 0;
      const run: EntryProcessor = async () => {
        running += 1;
        maxRunning = Math.max(maxRunning, running);
        await Promise.resolve();
        await new Promise((resolve) => setTimeout(resolve, 1));
        running -= 1;
        return done;
      };
      startConsumer(subject, run, { concurrency: 4 });
      await untilDone(subject, 20);
      assert.equal(maxRunning, 4);
    },
  },
  {
    name: 'consume: retries an entry until it is done, and counts the attempts',
    async run(subject) {
      const attempts: number[] = [];
      await subject.inbox.add(createTestEntry());
      startConsumer(subject, async (entry) => {
        attempts.push(entry.attempts);
        if (entry.attempts === 3) return done;
        return { type: 'retry', delayMs: 100, reason: 'not yet', succeededHandlers: [] };
      });
      await untilDone(subject, 1);
      assert.deepEqual(attempts, [1, 2, 3]);
    },
  },
  {
    name: 'consume: calls onSettled after the outcome was recorded',
    async run(subject) {
      const settled: [Entry, Outcome][] = [];
      const entry = createTestEntry();
      await subject.inbox.add(entry);
      startConsumer(subject, async () => dead, {
        onSettled: (...args) => void settled.push(args),
      });
      await eventually(subject, 'onSettled called', () => settled.length === 1);
      assert.equal(settled[0]?.[0].taskId, entry.taskId);
      assert.deepEqual(settled[0][1], dead);
      assert.equal(await stateOf(subject.inbox, entry), 'dead');
    },
  },
  {
    name: 'consume: processes a replayed entry again',
    async run(subject) {
      const entry = createTestEntry();
      let runs = 0;
      await subject.inbox.add(entry);
      startConsumer(subject, async () => {
        runs += 1;
        return done;
      });
      await untilState(subject, entry, 'done');
      assert.equal(await subject.inbox.replay(entry), true);
      await eventually(subject, 'second run', () => runs === 2);
    },
  },
];
