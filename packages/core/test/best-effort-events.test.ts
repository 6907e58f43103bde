import { sampleEvents } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

import { setUp } from './helpers.ts';

test('best-effort events: a dead letter is not dropped if 1000 handlers run', async () => {
  const { receiver, settle, clock } = setUp();
  const letters: string[] = [];
  receiver.onOtherEvent(() => new Promise(() => undefined));
  receiver.onDeadLetter(({ taskId }) => letters.push(taskId));
  receiver.onTaskSucceeded(() => undefined);
  for (let index = 0; index < 1001; index += 1) {
    await receiver.processUnverified(sampleEvents.other());
  }
  await settle(sampleEvents.schemaError({ taskId: 'dead' }));
  await clock.flush();
  expect((await receiver.stats()).dropped).toBe(1);
  expect(letters).toEqual(['dead']);
});
