import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { EntryCase } from './entry-subject.ts';

export const listing: readonly EntryCase[] = [
  {
    name: 'list: pages through everything once, the latest first, also while entries come in',
    async run(keeper) {
      const taskIds: string[] = [];
      for (let index = 0; index < 25; index += 1) {
        const entry = createTestEntry();
        taskIds.unshift(entry.taskId);
        await keeper.add(entry);
      }
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await keeper.list({ limit: 10, cursor: cursor ?? undefined });
        assert.ok(page.entries.length <= 10);
        seen.push(...page.entries.map(({ taskId }) => taskId));
        cursor = page.cursor;
        await keeper.add(createTestEntry());
      } while (cursor !== null);
      assert.deepEqual(seen, taskIds);
    },
  },
  {
    name: 'list: refuses a query that makes no sense',
    async run(keeper) {
      for (const query of [
        { limit: 0 },
        { limit: 1.5 },
        { limit: 1001 },
        { cursor: "1' or 1=1" },
      ]) {
        await assert.rejects(keeper.list(query), { code: 'invalid_argument' });
      }
    },
  },
  {
    name: 'get, replay, discard: nothing where there is nothing',
    async run(keeper) {
      const nobody = createTestEntry();
      assert.equal(await keeper.get(nobody), undefined);
      assert.equal(await keeper.replay(nobody), false);
      assert.equal(await keeper.discard(nobody), false);
      assert.deepEqual(await keeper.list(), { entries: [], cursor: null });
      const none = { pending: 0, running: 0, done: 0, dead: 0, lagMs: 0 };
      assert.deepEqual(await keeper.stats(), none);
    },
  },
];
