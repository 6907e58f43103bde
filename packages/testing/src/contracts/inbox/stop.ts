import assert from 'node:assert/strict';

import type { Outcome } from '@novita-webhooks/core';
import { createTestEntry } from '../../samples/create-test-entry.ts';
import { consume, done, eventually, never, type InboxCase } from './inbox-subject.ts';

export const stopping: readonly InboxCase[] = [
  {
    name: 'stop: nothing more is claimed, what runs may finish',
    async run(subject) {
      const [first, second] = [createTestEntry(), createTestEntry()];
      await subject.inbox.add(first);
      let finish: (outcome: Outcome) => void = () => undefined;
      let runs = 0;
      const consumption = consume(subject, () => {
        runs += 1;
        return new Promise((resolve) => (finish = resolve));
      });
      await eventually(subject, 'running', () => runs === 1);
      const stopped = consumption.stop({ gracePeriodMs: 60_000 });
      await subject.inbox.add(second);
      await subject.advance(25);
      finish(done);
      await stopped;
      assert.equal(runs, 1);
      assert.equal((await subject.inbox.get(first))?.state, 'done');
      assert.equal((await subject.inbox.get(second))?.state, 'pending');
    },
  },
  {
    name: 'stop: past the grace period the rest is aborted and given back, at no cost in attempts',
    async run(subject) {
      const entry = createTestEntry();
      await subject.inbox.add(entry);
      let told: AbortSignal | undefined;
      const consumption = consume(subject, (_, signal) => {
        told = signal;
        return new Promise((resolve) => {
          const release = { type: 'released', delayMs: 0, succeededHandlers: [] } as const;
          signal.addEventListener('abort', () => resolve(release));
        });
      });
      await eventually(subject, 'running', () => told !== undefined);
      let over = false;
      const stopped = consumption.stop({ gracePeriodMs: 100 }).then(() => (over = true));
      await eventually(subject, 'stopped', () => over);
      await stopped;
      assert.equal((told?.reason as { code: string }).code, 'closing');
      const { state, attempts } = (await subject.inbox.get(entry)) ?? {};
      assert.deepEqual([state, attempts], ['pending', 0]);
    },
  },
  {
    name: 'stop: does not wait for a handler that ignores its signal, and refuses what it settles',
    async run(subject) {
      const entry = createTestEntry();
      await subject.inbox.add(entry);
      let runs = 0;
      const consumption = consume(subject, () => {
        runs += 1;
        return never;
      });
      await eventually(subject, 'running', () => runs === 1);
      let over = false;
      const stopped = consumption.stop({ gracePeriodMs: 50 }).then(() => (over = true));
      await eventually(subject, 'stopped', () => over);
      await stopped;
      assert.equal((await subject.inbox.get(entry))?.state, 'pending');
    },
  },
];
