import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { EntryCase } from './entry-port.ts';

/** `get`, `replay` and `discard` with an unknown key; `list` and `stats` of an empty inbox. */
export const getCases: readonly EntryCase[] = [
  {
    name: 'get: an unknown key returns undefined; replay and discard return false',
    async run(port) {
      const unknown = createTestEntry();
      assert.equal(await port.get(unknown), undefined);
      assert.equal(await port.replay(unknown), false);
      assert.equal(await port.discard(unknown), false);
      const { entries, cursor } = await port.list();
      assert.deepEqual({ entries, cursor }, { entries: [], cursor: null });
      const { expected, ...counts } = await port.stats();
      assert.deepEqual(counts, { pending: 0, running: 0, done: 0, dead: 0, lagMs: 0 });
      assert.ok(expected === 0 || expected === null, `${expected} expected`);
    },
  },
];
