import assert from 'node:assert/strict';

import type { NewEntry } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { InboxCase } from './inbox-subject.ts';

/** `add` with what is no entry. */
export const addCases: readonly InboxCase[] = [
  {
    name: 'add: rejects what is no entry with invalid_argument, and adds what comes beside it',
    async run({ inbox }) {
      const entry = createTestEntry({ metadata: { nested: { list: [1] } } });
      const invalid = noEntries().map((value) => inbox.add(value as NewEntry));
      const adding = inbox.add(entry);
      for (const result of invalid) await assert.rejects(result, { code: 'invalid_argument' });
      assert.equal(await adding, 'added');
      const { entries } = await inbox.list();
      assert.deepEqual(
        entries.map(({ taskId }) => taskId),
        [entry.taskId],
      );
    },
  },
];

function noEntries(): readonly unknown[] {
  const entry = createTestEntry();
  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;
  const metadata = [
    [],
    null,
    'text',
    cyclic,
    { deep: nest(20_000) },
    { big: 1n },
    { at: [() => 0] },
  ];
  return [
    ...[undefined, null, 'entry', [], {}],
    ...metadata.map((value) => ({ ...entry, metadata: value })),
    ...[undefined, null, 1, { task: {} }, Buffer.from('{}')].map((body) => ({ ...entry, body })),
    ...['endpoint', 'taskId', 'status', 'receivedAt', 'testMode'].map((field) => ({
      ...entry,
      [field]: undefined,
    })),
    { ...entry, receivedAt: Number.NaN },
    { ...entry, tokenId: 1 },
  ];
}

function nest(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}
