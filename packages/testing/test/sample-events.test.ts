import { sampleEvents, type SampleOptions } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

const samples = Object.entries(sampleEvents);

describe.each(samples)('sampleEvents.%s', (_, create) => {
  test('refuses unknown options by their names', () => {
    const options = { images: [], taskID: 'task-1' } as SampleOptions;
    expect(() => create(options)).toThrow(/^sampleEvents: unknown option: images, taskID\. /);
  });

  test('shares nothing with a later event', () => {
    const first = create();
    for (const part of Object.values(first.payload).flat()) Object.assign(Object(part), { x: 1 });
    expect(JSON.stringify(create())).not.toContain('"x":1');
  });

  test('takes fields of the payload', () => {
    const { payload } = create({ payload: { more: 1 } });
    expect(payload).toMatchObject({ more: 1 });
  });
});

test('sampleEvents: take a task id and fields of the task', () => {
  const task = { task_type: 'UPSCALE', eta: 3 };
  expect(sampleEvents.failed({ taskId: 'task-1', task }).payload['task']).toMatchObject({
    task_id: 'task-1',
    status: 'TASK_STATUS_FAILED',
    reason: 'model load failed',
    ...task,
  });
});
