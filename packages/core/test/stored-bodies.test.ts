import { memoryStore, pollingInbox, type Entry, type Store } from '@novita-webhooks/core';
import { createManualClock, createTestEntry } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

import { setUp } from './helpers.ts';

test.each([
  ['no JSON', '{"task":'],
  ['empty', ''],
  ['JSON, but no object', '[1]'],
  ['JSON null', 'null'],
])('worker: a stored body that is %s becomes a dead letter at once', async (_, body) => {
  const clock = createManualClock();
  const store = memoryStore({ clock });
  const { receiver, log } = setUp({ inbox: pollingInbox(store, { clock }) }, clock);
  const entry = createTestEntry({ body });
  await store.add(entry);
  let runs = 0;
  receiver.onTaskFinished(() => (runs += 1));
  receiver.start();
  await clock.flush();
  const found = await store.get(entry);
  expect(found).toMatchObject({ state: 'dead', attempts: 1 });
  expect(found?.reason).toMatch(/^[\x20-\x7e]+$/);
  expect(runs).toBe(0);
  expect(log.messages('error')).toEqual([expect.stringContaining('became a dead letter')]);
});

test.each<[string, Partial<Entry>]>([
  ['damage that the store has found', { damage: 'the stored metadata cannot be read' }],
  ['metadata that are no object', { metadata: null as never }],
  ['succeeded handlers that are no list', { succeededHandlers: null as never }],
  ['a time of arrival that is no time', { receivedAt: Infinity }],
])('worker: an entry with %s becomes a dead letter, others are handled', async (_, change) => {
  const clock = createManualClock();
  const memory = memoryStore({ clock });
  const damaged = createTestEntry();
  const store: Store = {
    ...memory,
    claim: async (...args) =>
      (await memory.claim(...args)).map((claim) =>
        claim.taskId === damaged.taskId ? { ...claim, ...change } : claim,
      ),
  };
  const { receiver } = setUp({ inbox: pollingInbox(store, { clock }) }, clock);
  await store.add(damaged);
  await store.add(createTestEntry());
  const handled: string[] = [];
  receiver.onTaskFinished(({ task }) => handled.push(task.task_id));
  receiver.start();
  await clock.flush();
  expect(handled).toHaveLength(1);
  expect(handled).not.toContain(damaged.taskId);
  const found = await store.get(damaged);
  expect(found).toMatchObject({ state: 'dead', attempts: 1 });
  expect(found?.reason).toMatch(/^the stored [\x20-\x7e]+ cannot be read/);
});
