import assert from 'node:assert/strict';

import type { Outcome } from '@novita-webhooks/core';
import { createTestEntry } from '../../samples/create-test-entry.ts';
import { consume, done, eventually, type InboxCase } from './inbox-subject.ts';

export const leasing: readonly InboxCase[] = [
  {
    name: 'lease: a run that outlasts it many times over is still the only one',
    async run(subject) {
      const entry = createTestEntry();
      await subject.inbox.add(entry);
      let runs = 0;
      let finish: (outcome: Outcome) => void = () => undefined;
      const consumption = consume(subject, () => {
        runs += 1;
        return new Promise((resolve) => (finish = resolve));
      });
      await eventually(subject, 'running', () => runs === 1);
      for (let part = 0; part < 20; part += 1) await subject.advance(subject.leaseDurationMs / 4);
      assert.equal(runs, 1);
      finish(done);
      await eventually(
        subject,
        'done',
        async () => (await subject.inbox.get(entry))?.state === 'done',
      );
      await consumption.stop({ gracePeriodMs: 1000 });
    },
  },
  {
    name: 'lease: lost, the run is told through its signal and its outcome does not count',
    skip: ({ loseLeases }) => (loseLeases ? undefined : 'the subject cannot take leases away'),
    async run(subject) {
      const entry = createTestEntry();
      await subject.inbox.add(entry);
      let told: AbortSignal | undefined;
      let settled = 0;
      const consumption = consume(
        subject,
        (_, signal) =>
          new Promise((resolve) => {
            told ??= signal;
            signal.addEventListener('abort', () => resolve(done));
          }),
        { onSettled: () => (settled += 1) },
      );
      await eventually(subject, 'running', () => told !== undefined);
      await subject.loseLeases?.();
      await eventually(subject, 'told', () => told?.aborted, subject.leaseDurationMs / 20);
      assert.equal((told?.reason as { code: string }).code, 'lease_lost');
      await subject.advance(25);
      assert.equal(settled, 0);
      assert.notEqual((await subject.inbox.get(entry))?.state, 'done');
      await consumption.stop({ gracePeriodMs: 0 });
    },
  },
];
