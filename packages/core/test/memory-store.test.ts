import { memoryInbox, memoryStore, type NewEntry, type Store } from '@novita-webhooks/core';
import { createManualClock, createTestEntry, sampleEvents } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { collectGarbage } from '../../../test/support/collect-garbage.ts';
import { codeOf, setUp } from './helpers.ts';

const LEASE = 30_000;
const FULL = { code: 'inbox_full' };
/** The memory that an entry counts for: two bytes a character, and 1 KiB. */
const bytesOf = (characters: number) => 2 * characters + 1024;

const entryOf = (characters: number, changes: Partial<NewEntry> = {}) =>
  createTestEntry({ body: 'x'.repeat(characters), ...changes });

async function settleFirst(store: Store, type: 'done' | 'dead' = 'done'): Promise<void> {
  const [claim] = await store.claim('novita', 1, LEASE);
  if (claim === undefined) throw new Error('nothing to claim');
  const outcome = type === 'done' ? { type } : { type, reason: 'no use', succeededHandlers: [] };
  expect(await store.settle(claim, outcome)).toBe(true);
}

async function addDone(store: Store, entry: NewEntry): Promise<NewEntry> {
  expect(await store.add(entry)).toBe('added');
  await settleFirst(store);
  return entry;
}

async function taskIds(store: Store): Promise<string[]> {
  return (await store.list()).entries.map(({ taskId }) => taskId).reverse();
}

describe('memory store: maxEntries', () => {
  test('deletes the oldest done entry to make room', async () => {
    const clock = createManualClock();
    const store = memoryStore({ maxEntries: 3, clock });
    const done: NewEntry[] = [];
    for (let index = 0; index < 3; index += 1) {
      done.push(await addDone(store, createTestEntry()));
      clock.skip(1);
    }
    const fresh = createTestEntry();
    expect(await store.add(fresh)).toBe('added');
    expect(await taskIds(store)).toEqual([done[1]?.taskId, done[2]?.taskId, fresh.taskId]);
  });

  test('deletes the entry that finished first, not the one that was added first', async () => {
    const clock = createManualClock();
    const store = memoryStore({ maxEntries: 2, clock });
    const [slow, fast] = [createTestEntry(), createTestEntry()];
    await store.add(slow);
    await store.add(fast);
    const [slowClaim, fastClaim] = await store.claim('novita', 2, LEASE);
    if (slowClaim === undefined || fastClaim === undefined) throw new Error('nothing to claim');
    await store.settle(fastClaim, { type: 'done' });
    clock.skip(1);
    await store.settle(slowClaim, { type: 'done' });
    await store.add(createTestEntry());
    expect(await store.get(fast)).toBeUndefined();
    expect(await store.get(slow)).toBeDefined();
  });

  test.each(['pending', 'running'])('what is %s never goes: inbox_full', async (state) => {
    const store = memoryStore({ maxEntries: 2, clock: createManualClock() });
    const kept = [createTestEntry(), createTestEntry()];
    for (const entry of kept) await store.add(entry);
    if (state === 'running') await store.claim('novita', 2, LEASE);
    await expect(async () => store.add(createTestEntry())).rejects.toMatchObject(FULL);
    expect(await taskIds(store)).toEqual(kept.map(({ taskId }) => taskId));
    for (const entry of kept) expect(await store.add(entry)).toBe('duplicate');
  });
});

describe('memory store: maxBytes', () => {
  test('limits the total size of bodies to the byte', async () => {
    const store = memoryStore({ maxBytes: 2 * bytesOf(1000), clock: createManualClock() });
    expect(await store.add(entryOf(1000))).toBe('added');
    await expect(async () => store.add(entryOf(1001))).rejects.toMatchObject(FULL);
    expect(await store.add(entryOf(1000))).toBe('added');
    await expect(async () => store.add(entryOf(0))).rejects.toMatchObject(FULL);
  });

  test('frees the size of an entry that is discarded or expires', async () => {
    const clock = createManualClock();
    const store = memoryStore({ maxBytes: bytesOf(1000), clock });
    const dead = entryOf(1000);
    await store.add(dead);
    await settleFirst(store, 'dead');
    await store.discardEntries([dead]);
    await addDone(store, entryOf(1000));
    clock.skip(1000);
    expect(await store.deleteExpired({ doneMs: 1, deadMs: 1 })).toBe(1);
    expect(await store.add(entryOf(1000))).toBe('added');
  });

  test('deletes as many of the oldest done entries as a new entry needs', async () => {
    const store = memoryStore({ maxBytes: 4 * bytesOf(1000), clock: createManualClock() });
    for (let index = 0; index < 4; index += 1) await addDone(store, entryOf(1000));
    expect(await store.add(entryOf(2000))).toBe('added');
    expect((await store.stats()).done).toBe(2);
  });

  test('deletes no done entry if the new entry cannot fit anyway', async () => {
    const store = memoryStore({ maxBytes: 4 * bytesOf(1000), clock: createManualClock() });
    const done = await addDone(store, entryOf(1000));
    await store.add(entryOf(1000));
    await expect(async () => store.add(entryOf(5000))).rejects.toMatchObject(FULL);
    expect(await store.add(done)).toBe('duplicate');
  });

  test('applies to a valid entry that replaces a smaller one with a schema error', async () => {
    const store = memoryStore({ maxBytes: 2 * bytesOf(1000), clock: createManualClock() });
    const invalid = entryOf(10, { schemaError: 'images: not a list' });
    await store.add(invalid);
    const large = { ...invalid, schemaError: null, body: 'x'.repeat(100_000) };
    await expect(async () => store.add(large)).rejects.toMatchObject(FULL);
    expect((await store.get(invalid))?.schemaError).toBe(invalid.schemaError);
  });

  test('releases the memory of deleted entries while the store is never empty', async () => {
    const clock = createManualClock();
    const store = memoryStore({ maxEntries: 20, clock });
    const used = () => {
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    const BODY = 50_000;
    for (let index = 0; index < 5; index += 1) await store.add(entryOf(BODY)); // stay
    const before = used();
    for (let index = 0; index < 1000; index += 1) {
      // Not 'x'.repeat(): V8 stores a repeated string as a small rope. A Buffer gives a flat string.
      await store.add(
        createTestEntry({ body: Buffer.alloc(BODY, String(index)).toString('latin1') }),
      );
      await settleFirst(store);
      clock.skip(1);
    }
    expect((await store.stats()).done).toBe(15);
    expect((used() - before) / BODY).toBeLessThan(100); // of 1000 bodies
  });
});

describe('memory store: dead letters make room', () => {
  const LIMITS = [
    ['maxEntries', { maxEntries: 3 }],
    ['maxBytes', { maxBytes: 3 * bytesOf(0) }],
  ] as const;

  test.each(LIMITS)('at %s, the oldest first, each with a warning', async (_, limits) => {
    const clock = createManualClock();
    const { log } = setUp();
    const store = memoryStore({ ...limits, clock });
    store.open?.(log);
    const dead: NewEntry[] = [];
    for (let index = 0; index < 3; index += 1) {
      const entry = entryOf(0);
      dead.push(entry);
      await store.add(entry);
      await settleFirst(store, 'dead');
      clock.skip(1);
    }
    const fresh = entryOf(0);
    expect(await store.add(fresh)).toBe('added');
    expect(await taskIds(store)).toEqual([dead[1]?.taskId, dead[2]?.taskId, fresh.taskId]);
    expect(log.lines).toEqual([
      {
        level: 'warn',
        details: { taskId: dead[0]?.taskId, reason: 'no use' },
        message: expect.stringContaining('the oldest dead letter was deleted') as unknown,
      },
    ]);
  });

  test('after all done entries', async () => {
    const store = memoryStore({ maxEntries: 2, clock: createManualClock() });
    const dead = createTestEntry();
    await store.add(dead);
    await settleFirst(store, 'dead');
    const done = await addDone(store, createTestEntry());
    expect(await store.add(createTestEntry())).toBe('added');
    expect(await store.get(done)).toBeUndefined();
    expect(await store.get(dead)).toBeDefined();
  });

  test('only if the new entry fits beside the unfinished ones', async () => {
    const store = memoryStore({ maxEntries: 2, maxBytes: 2 * bytesOf(100) });
    const dead = entryOf(100);
    await store.add(dead);
    await settleFirst(store, 'dead');
    await store.add(entryOf(100));
    await expect(async () => store.add(entryOf(101))).rejects.toMatchObject(FULL);
    expect(await store.get(dead)).toBeDefined();
    expect(await store.add(entryOf(100))).toBe('added');
    await expect(async () => store.add(entryOf(0))).rejects.toMatchObject(FULL);
  });

  test('so that schema errors of a whole inbox do not refuse a delivery', async () => {
    const clock = createManualClock();
    const { receiver, log, deliver, settle } = setUp(
      { inbox: memoryInbox({ maxEntries: 3, clock }) },
      clock,
    );
    receiver.onTaskSucceeded(() => undefined);
    for (const taskId of ['a', 'b', 'c', 'd', 'e']) {
      expect((await settle(sampleEvents.schemaError({ taskId }))).status).toBe(200);
    }
    expect((await deliver(sampleEvents.imageSucceeded())).status).toBe(200);
    expect(log.messages('warn').filter((line) => line.includes('dead letter'))).toHaveLength(3);
  });
});

describe('memory inbox: full', () => {
  test('causes 503, keeps all accepted entries, and accepts events again later', async () => {
    const clock = createManualClock();
    const inbox = memoryInbox({ maxEntries: 2, clock });
    const { receiver, deliver } = setUp({ inbox }, clock);
    const codes: unknown[] = [];
    const send = async (taskId: string) =>
      codes.push(codeOf(await deliver(sampleEvents.imageSucceeded({ taskId }))));
    for (const taskId of ['a', 'b', 'c', 'a']) await send(taskId);
    expect(codes).toEqual(['accepted', 'accepted', 'inbox_full', 'duplicate']);
    const handled: string[] = [];
    receiver.onTaskSucceeded(({ task }) => handled.push(task.task_id));
    await clock.flush();
    expect(handled).toEqual(['a', 'b']);
    await send('c');
    await clock.flush();
    expect(codes.at(-1)).toBe('accepted');
    expect(handled).toEqual(['a', 'b', 'c']);
  });
});

describe('memory inbox: retention', () => {
  test('deletes done entries after 7 days and dead letters after 30', async () => {
    const DAY = 24 * 60 * 60 * 1000;
    const { receiver, settle, clock } = setUp();
    receiver.onTaskSucceeded(({ task }) => {
      if (task.task_id === 'dead') throw Object.assign(new Error('no'), permanent);
    });
    await settle(sampleEvents.imageSucceeded({ taskId: 'done' }));
    await settle(sampleEvents.imageSucceeded({ taskId: 'dead' }));
    const stateAfter = async (days: number) => {
      clock.skip(days * DAY);
      await clock.advance(60_000); // more than cleanupIntervalMs
      const ids = (await receiver.inbox.list()).entries.map(({ taskId }) => taskId);
      return ['done', 'dead'].filter((taskId) => ids.includes(taskId));
    };
    expect(await stateAfter(6.9)).toEqual(['done', 'dead']);
    expect(await stateAfter(0.2)).toEqual(['dead']);
    expect(await stateAfter(22.8)).toEqual(['dead']);
    expect(await stateAfter(0.2)).toEqual([]);
  });
});

const permanent = { name: 'WebhookError', code: 'permanent' };
