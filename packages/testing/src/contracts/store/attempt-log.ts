import assert from 'node:assert/strict';

import type { AttemptRecord } from '@novita-webhooks/core';

import type { StoreCase } from './store-subject.ts';
import { addAndClaim, claimOne } from './support/claims.ts';
import { dead, done, retry } from './support/outcomes.ts';

const record = (attempt: number, outcome: AttemptRecord['outcome']): AttemptRecord => ({
  ...{ attempt, startedAt: 1000.5, durationMs: 12, outcome, trigger: 'delivery' },
  errors: [{ handler: 'one', name: 'Error', message: "it's ü \u2028", code: null }],
});

/** `settle`: the log of attempts. */
export const attemptLogCases: readonly StoreCase[] = [
  {
    name: 'settle: keeps the log of attempts that an outcome carries, also after a replay',
    async run({ store }) {
      const first = await addAndClaim(store);
      assert.deepEqual(first.attemptLog, []);
      const failed = [record(1, 'retry')];
      await store.settle(first, { ...retry, delayMs: 0, attemptLog: failed });
      const second = await claimOne(store);
      assert.deepEqual(second.attemptLog, failed);
      const died = [...failed, record(2, 'dead')];
      await store.settle(second, { ...dead, attemptLog: died });
      assert.deepEqual((await store.get(first))?.attemptLog, died);
      await store.replayEntries([{ endpoint: first.endpoint, taskId: first.taskId }]);
      const third = await claimOne(store);
      assert.deepEqual(third.attemptLog, died);
      const log = [...died, record(1, 'done')];
      await store.settle(third, { ...done, attemptLog: log });
      assert.deepEqual((await store.get(first))?.attemptLog, log);
    },
  },
  {
    name: 'settle: an outcome without a log keeps the log of the entry',
    async run({ store }) {
      const first = await addAndClaim(store);
      const log = [record(1, 'retry')];
      await store.settle(first, { ...retry, delayMs: 0, attemptLog: log });
      await store.settle(await claimOne(store), {
        ...{ type: 'released', delayMs: 0, succeededHandlers: [] },
      });
      const next = await claimOne(store);
      assert.deepEqual(next.attemptLog, log);
      await store.settle(next, done);
      assert.deepEqual((await store.get(first))?.attemptLog, log);
    },
  },
];
