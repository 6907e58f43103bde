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
