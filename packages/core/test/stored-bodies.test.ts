import { memoryStore, pollingInbox } from '@novita-webhooks/core';
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
