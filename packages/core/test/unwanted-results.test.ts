import { sampleEvents } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

import { noop, setUp } from './helpers.ts';

const unwanted = (log: ReturnType<typeof setUp>['log']) =>
  log.lines.filter(({ message }) => message.includes('no registered handler'));

test('worker: warns once per task type and status that no handler wants a result', async () => {
  const { receiver, settle, log } = setUp();
  receiver.onTaskSucceeded({ taskType: 'OTHER' }, noop);
  await settle(sampleEvents.imageSucceeded({ taskId: 'a' }));
  await settle(sampleEvents.imageSucceeded({ taskId: 'b' }));
  await settle(sampleEvents.failed({ taskId: 'c' }));
  await settle(sampleEvents.failed({ taskId: 'd' }));
  expect(unwanted(log).map(({ level, details }) => [level, details])).toEqual([
    ['warn', { taskId: 'a', taskType: 'TXT_TO_IMG', status: 'TASK_STATUS_SUCCEED' }],
    ['debug', { taskId: 'b', taskType: 'TXT_TO_IMG', status: 'TASK_STATUS_SUCCEED' }],
    ['warn', { taskId: 'c', taskType: expect.any(String) as string, status: 'TASK_STATUS_FAILED' }],
    [
      'debug',
      { taskId: 'd', taskType: expect.any(String) as string, status: 'TASK_STATUS_FAILED' },
    ],
  ]);
});

test('worker: a sender cannot make it warn without limit', async () => {
  const { receiver, log } = setUp();
  receiver.onTaskSucceeded({ taskType: 'OTHER' }, noop);
  const event = sampleEvents.imageSucceeded();
  for (let index = 0; index < 150; index += 1) {
    const task = { ...(event.payload['task'] as object), task_type: `type-${index}` };
    await receiver.processUnverified({ ...event, payload: { ...event.payload, task } });
  }
  expect(unwanted(log).filter(({ level }) => level === 'warn')).toHaveLength(100);
});

test('worker: does not warn about a result that a handler wants', async () => {
  const { receiver, settle, log } = setUp();
  receiver.onTaskFinished(noop);
  await settle(sampleEvents.imageSucceeded());
  expect(unwanted(log)).toEqual([]);
});
