import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

import type { Entry, EntryFilter } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { InboxCase, InboxSubject } from './inbox-subject.ts';
import { until, withProcesses, type ContractProcess } from './support/process-client.ts';

/** More than four batches. */
const ENTRIES = 450;
const MAX_DELAY_MS = 10;
const HOUR_MS = 3_600_000;
const DEAD: EntryFilter = { states: ['dead'] };

/** Finished entries as lines of `import`. */
function createLines(
  state: 'done' | 'dead',
  count: number,
  finishedAt = Date.now() - 1000,
): readonly string[] {
  return Array.from({ length: count }, () => {
    const entry: Entry = {
      ...createTestEntry({ receivedAt: finishedAt }),
      ...{ state, attempts: 1, succeededHandlers: [], reason: state === 'dead' ? 'no use' : null },
      ...{ dueAt: null, finishedAt, replays: 0, partialReplay: null },
      ...{ attemptLog: [], originalBody: null },
    };
    return JSON.stringify(entry);
  });
}

async function listAll(reader: ContractProcess): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  let cursor: string | undefined;
  do {
    const page = await reader.request('list', { limit: 1000, bodies: false, cursor });
    entries.push(...page.entries);
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined);
  return entries;
}

/**
 * Kills a process at any moment after it has reported `count` times.
 *
 * @param saved how many reports were saved before the kill; default: all
 * @returns the last cursor that was saved; `undefined` if it has finished, or has reported none
 */
async function killAfter(
  count: number,
  doomed: ContractProcess,
  { saved = Infinity } = {},
): Promise<string | undefined> {
  const cursors = () =>
    doomed.messages.flatMap((message) => (message.type === 'progress' ? [message.cursor] : []));
  await until(`${count} reports`, () => cursors().length >= count);
  await pause(Math.random() * MAX_DELAY_MS);
  doomed.signal('SIGKILL');
  await until('it has ended', () => doomed.hasExited());
  return cursors().slice(0, saved).at(-1) ?? undefined;
}

const everyTenth = (_: Entry, index: number) => index % 10 === 0;
const isDead = ({ state }: Entry) => state === 'dead';

/** @returns the tasks of those that were not running */
async function discardEach(
  by: ContractProcess,
  entries: readonly Entry[],
): Promise<ReadonlySet<string>> {
  const discarded = new Set<string>();
  for (const { endpoint, taskId } of entries) {
    if (await by.request('discard', { endpoint, taskId })) discarded.add(taskId);
  }
  return discarded;
}

const cases: readonly InboxCase[] = [
  {
    name: 'processes: a replayMany that is killed and resumed replays each entry once',
    run: (subject) =>
      withProcesses(subject, async (start) => {
        const [reader, doomed] = [await start(), await start()];
        const lines = [...createLines('dead', ENTRIES), ...createLines('done', 10)];
        await reader.request('import', lines);
        void doomed.request('replayMany', DEAD);
        const cursor = await killAfter(2, doomed);
        if (cursor !== undefined) await reader.request('replayMany', DEAD, cursor);
        const entries = await listAll(reader);
        assert.equal(entries.length, ENTRIES + 10);
        for (const { state, replays } of entries) {
          assert.deepEqual([state, replays], state === 'done' ? ['done', 0] : ['pending', 1]);
        }
        assert.equal(entries.filter(({ state }) => state === 'done').length, 10);
      }),
  },
  {
    name: 'processes: a replayMany that is killed and resumed keeps to its set while entries enter and leave it',
    run: (subject) =>
      withProcesses(subject, async (start) => {
        const [reader, doomed, worker] = [await start(), await start(), await start()];
        await reader.request('import', createLines('dead', ENTRIES));
        const meant = await listAll(reader);
        void worker.request('consume', { type: 'fail' }); // what is replayed becomes dead again
        void doomed.request('replayMany', DEAD);
        const killed = killAfter(3, doomed, { saved: 2 });
        await until('it has begun', () => doomed.messages.some(({ type }) => type === 'progress'));
        const later = Date.now() + HOUR_MS; // by any clock, after it has begun
        await reader.request('import', createLines('dead', 30, later));
        const discarded = await discardEach(reader, meant.filter(everyTenth));
        const cursor = await killed;
        await until('no entry waits', async () => (await listAll(reader)).every(isDead));
        if (cursor !== undefined) await reader.request('replayMany', DEAD, cursor);
        await until('no entry waits', async () => (await listAll(reader)).every(isDead));
        const replays = new Map((await listAll(reader)).map((one) => [one.taskId, one.replays]));
        for (const { taskId } of meant) {
          assert.equal(replays.get(taskId), discarded.has(taskId) ? undefined : 1);
          replays.delete(taskId);
        }
        assert.deepEqual([...replays.values()], Array<number>(30).fill(0));
      }),
  },
  {
    name: 'processes: a discardMany that is killed and resumed deletes its entries and no other',
    run: (subject) =>
      withProcesses(subject, async (start) => {
        const [reader, doomed] = [await start(), await start()];
        const lines = [...createLines('dead', ENTRIES), ...createLines('done', 10)];
        await reader.request('import', lines);
        void doomed.request('discardMany', DEAD);
        const cursor = await killAfter(2, doomed);
        if (cursor !== undefined) await reader.request('discardMany', DEAD, cursor);
        const states = (await listAll(reader)).map(({ state }) => state);
        assert.deepEqual(
          states,
          Array.from({ length: 10 }, () => 'done'),
        );
      }),
  },
  {
    name: 'processes: an import that is killed and repeated adds each entry once',
    run: (subject) =>
      withProcesses(subject, async (start) => {
        const [reader, doomed] = [await start(), await start()];
        const lines = createLines('dead', ENTRIES);
        void doomed.request('import', lines);
        await until('it has begun', async () => (await listAll(reader)).length > 0);
        await killAfter(0, doomed);
        const { added, duplicates } = await reader.request('import', lines);
        assert.equal(added + duplicates, ENTRIES);
        const entries = await listAll(reader);
        const ids = new Set(entries.map(({ taskId }) => taskId));
        assert.deepEqual([ids.size, entries.length], [ENTRIES, ENTRIES]);
        assert.ok(entries.every(({ state }) => state === 'dead'));
      }),
  },
];

/** Bulk operations of processes that are killed. */
export const killedOperationCases: readonly InboxCase[] = cases.map((inboxCase) => ({
  ...inboxCase,
  skip({ inbox: { capabilities }, startProcess }: InboxSubject) {
    if (capabilities.imports !== true) return 'the inbox cannot import';
    return startProcess ? undefined : 'the subject starts no processes';
  },
}));
