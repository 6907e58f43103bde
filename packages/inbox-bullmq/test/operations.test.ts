import type { Entry, EntryQuery, Store } from '@novita-webhooks/core';
import { describe, expect, test } from 'vitest';

import { findRedis } from '../../../test/support/services.ts';
import {
  createTestEntry,
  until,
  useConsumption,
  useInbox,
  usePlace,
  useStore,
  useQueue,
} from './support/inbox.ts';

const url = (await findRedis("operators' operations on the BullMQ inbox")) ?? '';
const LEASE_MS = 60_000;
const dead = { type: 'dead', reason: 'it failed', succeededHandlers: ['one'] } as const;

describe.skipIf(url === '')('list', () => {
  test('merges the queues of all endpoints in the order of arrival', async () => {
    const store = useStore(url, usePlace(url));
    const ids = Array.from({ length: 250 }, (_, index) => `task-${index}`);
    for (const [index, taskId] of ids.entries()) {
      await store.add(createTestEntry({ taskId, endpoint: index % 3 === 0 ? 'other' : 'novita' }));
    }
    const { entries, scanned } = await store.list({ order: 'oldest', limit: 1000 });
    expect(entries.map(({ taskId }) => taskId)).toEqual(ids);
    expect(scanned).toBe(250);
    const newest = await store.list({ limit: 240 });
    expect(newest.entries.map(({ taskId }) => taskId)).toEqual(ids.slice(10).reverse());
  });
});

describe.skipIf(url === '')('list: more dead letters than are read on their own', () => {
  const STATES: Readonly<Record<number, 'done' | 'pending'>> = { 3: 'done', 7: 'pending' };
  const entries = Array.from({ length: 6000 }, (_, index) => stored(STATES[index % 16] ?? 'dead'));

  test(
    'returns exactly the entries in the wanted states, in order',
    { timeout: 120_000 },
    async () => {
      const store = useStore(url, usePlace(url));
      for (let start = 0; start < entries.length; start += 500) {
        await store.restoreEntries?.(entries.slice(start, start + 500));
      }
      const idsOf = (...states: Entry['state'][]) =>
        entries.filter(({ state }) => states.includes(state)).map(({ taskId }) => taskId);
      expect(await listAll(store, { states: ['dead'] })).toEqual(idsOf('dead').toReversed());
      const query = { states: ['done', 'dead'], order: 'oldest' } as const;
      expect(await listAll(store, query)).toEqual(idsOf('done', 'dead'));
      expect(await listAll(store, { states: ['done'] })).toEqual(idsOf('done').toReversed());
    },
  );
});

describe.skipIf(url === '')('replay', () => {
  test('with a body: is rejected while another process replaces the entry', async () => {
    const place = usePlace(url);
    const store = useStore(url, place);
    const entry = createTestEntry({ schemaError: 'no images' });
    await addAndSettle(store, entry);
    const guard = `${place.prefix}:novita-webhooks.novita:novita:arrivals:removing:task-${entry.taskId}`;
    await place.redis.set(guard, '1');
    const body = { body: '{}', status: 'TASK_STATUS_SUCCEED', taskType: 'TXT_TO_IMG' };
    const replaying = store.replayEntries([keyOf(entry)], { body });
    await expect(replaying).rejects.toMatchObject({ code: 'inbox_unavailable' });
    expect(await store.get(entry)).toMatchObject({ state: 'dead', body: entry.body });
    await place.redis.del(guard);
    expect(await store.replayEntries([keyOf(entry)], { body })).toBe(1);
  });

  test('to named handlers: one that a crash cut off has no effect on the next', async () => {
    const place = usePlace(url);
    const [store, queue] = [useStore(url, place), useQueue(place)];
    const entry = createTestEntry();
    await addAndSettle(store, entry);
    const [job] = await queue.getFailed();
    const nextReplay = { handlers: ['one'], deadReason: 'it failed' };
    await job?.updateProgress({ ...(job.progress as object), nextReplay });
    expect(await store.get(entry)).toMatchObject({ state: 'dead', replays: 0 });
    expect(await store.replayEntries([keyOf(entry)])).toBe(1);
    const [claim] = await store.claim('novita', 1, LEASE_MS);
    expect(claim).toMatchObject({ replays: 1, partialReplay: null, succeededHandlers: ['one'] });
  });
});

describe.skipIf(url === '')('restore', () => {
  test('done and dead entries pass those that wait, which are claimed in a first attempt', async () => {
    const store = useStore(url, usePlace(url));
    const waiting = [createTestEntry(), createTestEntry()];
    for (const entry of waiting) await store.add(entry);
    expect(await store.restoreEntries?.([stored('done'), stored('dead')])).toBe(2);
    expect(await store.stats()).toMatchObject({ pending: 2, running: 0, done: 1, dead: 1 });
    const claims = await store.claim('novita', 10, LEASE_MS);
    expect(claims).toMatchObject(waiting.map(({ taskId }) => ({ taskId, attempts: 1 })));
  });

  test('into a paused queue: done and dead entries do not run when it is resumed', async () => {
    const place = usePlace(url);
    const [store, queue] = [useStore(url, place), useQueue(place)];
    const entries = [stored('done'), stored('dead')];
    await queue.pause();
    expect(await store.restoreEntries?.(entries)).toBe(2);
    for (const entry of entries) expect(await store.get(entry)).toEqual(entry);
    let runs = 0;
    useConsumption(useInbox(url, place), async () => {
      runs += 1;
      return { type: 'done' };
    });
    await queue.resume();
    await until('moved', async () => (await queue.getJobCountByTypes('completed', 'failed')) === 2);
    for (const entry of entries) expect(await store.get(entry)).toEqual(entry);
    expect(await store.replayEntries(entries)).toBe(2);
    await until('run', () => runs === 2);
  });
});

async function addAndSettle(store: Store, entry: ReturnType<typeof createTestEntry>) {
  await store.add(entry);
  const [claim] = await store.claim('novita', 1, LEASE_MS);
  if (claim !== undefined) await store.settle(claim, dead);
}

function keyOf({ endpoint, taskId }: ReturnType<typeof createTestEntry>) {
  return { endpoint, taskId };
}

/** An entry of another inbox. */
function stored(state: Exclude<Entry['state'], 'running'>): Entry {
  const isPending = state === 'pending';
  return {
    ...{ ...createTestEntry(), state, attempts: 3, succeededHandlers: [], replays: 2 },
    reason: state === 'dead' ? 'it failed' : null,
    dueAt: isPending ? Date.now() + LEASE_MS : null,
    finishedAt: isPending ? null : 1_700_000_000_000,
    ...{ partialReplay: null, attemptLog: [], originalBody: null },
  };
}

/** Task ids of all pages. */
async function listAll(store: Store, query: EntryQuery): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await store.list({ ...query, bodies: false, limit: 1000, cursor });
    ids.push(...page.entries.map(({ taskId }) => taskId));
    if (page.cursor === null) return ids;
    cursor = page.cursor;
  }
}
