import { memoryStore, pollingInbox, type Store } from '@novita-webhooks/core';
import { createManualClock, sampleEvents } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

import { noop, setUp } from './helpers.ts';

const fail = (): never => {
  throw new Error('no channel');
};

const WARNING = 'inbox: subscribe of the store failed. Entries are found by polling.';

test.each<[string, unknown, readonly string[]]>([
  ['throws', fail, [WARNING]],
  ['rejects', async () => fail(), [WARNING]],
  ['returns a function that throws', () => fail, [WARNING]],
  ['returns a function that rejects', () => async () => fail(), [WARNING]],
  ['returns a promise of a function', async () => noop, []],
])('poll loop: handles and stops if subscribe of the store %s', async (_, subscribe, warnings) => {
  const clock = createManualClock();
  const store = { ...memoryStore({ clock }), subscribe } as Store;
  const handled: string[] = [];
  const onTaskFinished = ({ task }: { task: { task_id: string } }) => handled.push(task.task_id);
  const inbox = pollingInbox(store, { clock });
  const { receiver, settle, log } = setUp({ inbox, onTaskFinished }, clock);
  receiver.start();
  await settle(sampleEvents.imageSucceeded({ taskId: 'task-1' }));
  expect(handled).toEqual(['task-1']);
  await receiver.close();
  await clock.flush();
  expect(log.messages('warn')).toEqual(warnings);
});

/** A store that other processes share, and counts its claims. */
function countClaims(store: Store): { readonly shared: Store; readonly claims: () => number } {
  let claims = 0;
  const shared: Store = {
    ...store,
    capabilities: { ...store.capabilities, shared: true },
    claim(...args) {
      claims += 1;
      return store.claim(...args);
    },
  };
  return { shared, claims: () => claims };
}

test('poll loop: does not come for every entry that other workers claim', async () => {
  const clock = createManualClock();
  const other = { claim: () => [], nextDueMs: () => 50 };
  const { shared, claims } = countClaims({ ...memoryStore({ clock }), ...other });
  const { receiver } = setUp(
    { inbox: pollingInbox(shared, { clock }), onTaskFinished: noop },
    clock,
  );
  receiver.start();
  await clock.advance(10_000);
  expect(claims()).toBeGreaterThanOrEqual(10);
  expect(claims()).toBeLessThanOrEqual(30); // two in each second, and five at first
  await receiver.close();
});

test('poll loop: comes for every retry when no other worker does', async () => {
  const clock = createManualClock();
  const { shared } = countClaims(memoryStore({ clock }));
  const inbox = pollingInbox(shared, { clock, pollIntervalMs: 60_000 });
  const attempts: number[] = [];
  const onTaskFinished = () => {
    attempts.push(clock.now());
    throw new Error('not yet');
  };
  const retry = { maxAttempts: 50, delay: () => 100 };
  const { receiver, settle } = setUp({ inbox, onTaskFinished, retry }, clock);
  receiver.start();
  await settle(sampleEvents.imageSucceeded({ taskId: 'task-1' }));
  await clock.advance(4000);
  expect(attempts.length).toBeGreaterThanOrEqual(40);
  await receiver.close();
});
