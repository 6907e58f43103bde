import assert from 'node:assert/strict';

import type { EntryQuery } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { EntryCase } from './entry-port.ts';

/** Filters without a value, or with one that every entry or no entry has. */
export const EMPTY_FILTERS: readonly EntryQuery[] = [
  { metadata: {} },
  { metadata: Object.create({ orderId: 1 }) as Record<string, number> },
  { metadata: new Map() as never },
  { states: [] },
  { reasonContains: '' },
  { taskIdContains: '' },
];

/** Objects that have no filters of their own. */
export const OTHER_OBJECTS: readonly unknown[] = [
  [],
  new Map([['endpoint', 'novita']]),
  new Date(),
  Promise.resolve({ endpoint: 'novita' }),
  () => ({ endpoint: 'novita' }),
  Object.create({ endpoint: 'novita' }),
];

/** `list`: pages and invalid queries. */
export const listCases: readonly EntryCase[] = [
  {
    name: 'list: pages return each entry once, latest first, also during adds',
    async run(port) {
      const taskIds: string[] = [];
      for (let index = 0; index < 25; index += 1) {
        const entry = createTestEntry();
        taskIds.unshift(entry.taskId);
        await port.add(entry);
      }
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await port.list({ limit: 10, cursor: cursor ?? undefined });
        assert.ok(page.entries.length <= 10);
        seen.push(...page.entries.map(({ taskId }) => taskId));
        cursor = page.cursor;
        await port.add(createTestEntry());
      } while (cursor !== null);
      assert.deepEqual(seen, taskIds);
    },
  },
  {
    name: 'list: rejects an invalid query with invalid_argument',
    async run(port) {
      const queries: unknown[] = [
        { limit: 0 },
        { limit: 1.5 },
        { limit: 1001 },
        { cursor: "1' or 1=1" },
        { state: 'dead' },
        { states: ['failed'] },
        { states: 'dead' },
        { receivedFrom: 'yesterday' },
        { metadata: { orderId: [1] } },
        { order: 'random' },
        { bodies: 'no' },
        null,
        { endpoint: 5 },
        { taskID: 'a' },
        'dead',
        ...EMPTY_FILTERS,
        ...OTHER_OBJECTS,
      ];
      for (const query of queries) {
        await assert.rejects(port.list(query as EntryQuery), { code: 'invalid_argument' });
      }
    },
  },
];
