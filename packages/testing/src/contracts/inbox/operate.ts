import assert from 'node:assert/strict';

import type { EntryFilter } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { EMPTY_FILTERS, OTHER_OBJECTS } from '../entry/list.ts';
import type { InboxCase } from './inbox-subject.ts';
import { collect } from './support/collect.ts';
import { addAndSettle, addMany, dead, deadBecause, done } from './support/start-consumer.ts';

const DEAD: EntryFilter = { states: ['dead'] };

/** What operators do: groups, corrected bodies, and arguments that make no sense. */
export const operateCases: readonly InboxCase[] = [
  {
    name: 'groups: counts failures by their error, the largest group first',
    async run(subject) {
      const [first] = await addMany(subject, 1, deadBecause('no such file'));
      await addMany(subject, 1, deadBecause('HTTP 503 for order 1'));
      const last = await addAndSettle(subject, deadBecause('HTTP 503 for order 22'));
      await addMany(subject, 1, done);
      const { groups, cursor, scanned } = await subject.inbox.groups(DEAD);
      assert.deepEqual(
        groups.map(({ errorGroup, count }) => [errorGroup, count]),
        [
          ['HTTP 503 for order <n>', 2],
          ['no such file', 1],
        ],
      );
      assert.equal(cursor, null);
      assert.ok(scanned >= 3);
      const { taskId, reason } = groups[0]?.example ?? {};
      assert.deepEqual([taskId, reason], [last.taskId, 'HTTP 503 for order 22']);
      assert.equal(groups[1]?.example.taskId, first?.taskId);
      assert.ok((groups[0]?.firstAt ?? 0) <= (groups[0]?.lastAt ?? -1));
    },
  },
  {
    name: 'replay: a corrected body must be a result of the same task that fits the schema',
    async run(subject) {
      const { inbox } = subject;
      const entry = await addAndSettle(subject, dead, createTestEntry({ schemaError: 'broken' }));
      const task = {
        task_id: entry.taskId,
        status: 'TASK_STATUS_SUCCEED',
        task_type: 'TXT_TO_IMG',
      };
      for (const body of [
        'not JSON',
        '[]',
        { task: { ...task, task_id: 'another' } },
        { task: { ...task, status: 'TASK_STATUS_QUEUED' } },
        { task, images: 'none' },
        { event_type: 'ASYNC_TASK_RESULT', payload: { task, images: [] } },
        {},
        42 as never,
      ]) {
        await assert.rejects(inbox.replay(entry, { body }), { code: 'invalid_argument' });
      }
      assert.equal(await inbox.replay(entry, { body: { task, images: [] } }), true);
      const found = await inbox.get(entry);
      assert.deepEqual([found?.schemaError, found?.originalBody], [null, entry.body]);
    },
  },
  {
    name: 'operations: reject arguments that make no sense with invalid_argument',
    async run({ inbox }) {
      const wrong: readonly (() => Promise<unknown>)[] = [
        () => inbox.replay(createTestEntry(), { handler: 'one' } as never),
        () => inbox.replay(createTestEntry(), { handlers: [] }),
        () => inbox.replayMany({ state: 'dead' } as never),
        () => inbox.replayMany(undefined as never),
        () => inbox.replayMany({}),
        () => inbox.discardMany({ endpoint: 'novita', errorGroup: undefined }),
        () => inbox.replayMany(DEAD, { limit: 0 }),
        () => inbox.replayMany(DEAD, { cursor: 'here' }),
        () => inbox.discardMany({ states: ['failed'] } as never),
        () => inbox.discardMany(DEAD, { onProgress: 'print' } as never),
        () => inbox.groups({ limit: 1 } as never),
        () => collect(inbox.export({ state: 'dead' } as never)),
      ];
      for (const call of wrong) {
        await assert.rejects(async () => call(), { code: 'invalid_argument' }, call.toString());
      }
    },
  },
  {
    name: 'operations: refuse a filter that filters nothing, and change no entry',
    async run(subject) {
      const { inbox } = subject;
      const entry = await addAndSettle(subject, dead);
      for (const filter of [...EMPTY_FILTERS, ...OTHER_OBJECTS] as EntryFilter[]) {
        const calls = [
          inbox.replayMany(filter),
          inbox.discardMany(filter),
          inbox.groups(filter),
          (async () => collect(inbox.export(filter)))(),
        ];
        for (const call of calls) await assert.rejects(call, { code: 'invalid_argument' });
      }
      assert.equal((await inbox.get(entry))?.state, 'dead');
    },
  },
  {
    name: 'export: a filter that changes after the call is the filter of the call',
    async run(subject) {
      const entry = await addAndSettle(subject, dead);
      const filter: { states: EntryFilter['states'] } = { states: ['dead'] };
      const lines = subject.inbox.export(filter);
      filter.states = ['done'];
      assert.match((await collect(lines)).join(), new RegExp(entry.taskId));
    },
  },
  {
    name: 'operations: a cursor continues only the call that it came from',
    async run(subject) {
      const { inbox } = subject;
      await addMany(subject, 3, dead);
      const { cursor } = await inbox.list({ ...DEAD, limit: 1 });
      const bulk = (await inbox.discardMany(DEAD, { limit: 1 })).cursor ?? '';
      assert.ok(cursor !== null && bulk !== '');
      const filter: EntryFilter = { states: ['dead'], endpoint: 'other' };
      for (const call of [
        () => inbox.list({ ...filter, cursor }),
        () => inbox.list({ ...DEAD, order: 'oldest', cursor }),
        () => inbox.list({ ...DEAD, cursor: '1' }),
        () => inbox.groups({ ...DEAD, cursor }),
        () => inbox.discardMany(filter, { cursor: bulk }),
        () => inbox.replayMany(DEAD, { cursor: bulk }),
        () => inbox.discardMany(DEAD, { cursor }),
      ]) {
        await assert.rejects(call, { code: 'invalid_argument', message: /cursor/ });
      }
      assert.equal((await inbox.list({ ...DEAD, limit: 1000, cursor })).entries.length, 2);
      assert.equal((await inbox.discardMany(DEAD, { cursor: bulk })).discarded, 2);
    },
  },
];
