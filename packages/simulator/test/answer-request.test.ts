import { describe, expect, test } from 'vitest';

import type { Simulator, TaskResult } from '../src/index.ts';
import { readJson, receive, simulate, webhook } from './support/setup.ts';

const poll = (simulator: Simulator, query: string): Promise<Response> =>
  fetch(`${simulator.url}/v3/async/task-result${query}`);

const pollTask = async (simulator: Simulator, taskId: string): Promise<TaskResult> =>
  (await (await poll(simulator, `?task_id=${taskId}`)).json()) as TaskResult;

describe('the Task Result API', () => {
  test('shows a task queued, then processing, then done', async () => {
    const simulator = await simulate({ taskMs: 2000 });
    const { task_id } = await simulator.submit('txt2img');
    expect(await pollTask(simulator, task_id)).toEqual({
      task: {
        task_id,
        task_type: 'TXT_TO_IMG',
        status: 'TASK_STATUS_QUEUED',
        reason: '',
        eta: 2,
        progress_percent: 0,
      },
      extra: {},
      images: [],
      videos: [],
      audios: [],
    });
    await expect
      .poll(() => simulator.tasks()[0]?.status, { interval: 5, timeout: 5000 })
      .toBe('TASK_STATUS_PROCESSING');
    const { task, images } = await pollTask(simulator, task_id);
    expect(task.status).toBe('TASK_STATUS_PROCESSING');
    expect(task.progress_percent).toBeGreaterThan(0);
    expect(task.progress_percent).toBeLessThan(100);
    expect(images).toEqual([]);
    await simulator.idle();
    const result = await pollTask(simulator, task_id);
    expect(result.task.status).toBe('TASK_STATUS_SUCCEED');
    expect(result.images).toHaveLength(1);
  });

  test('answers with the payload of the event', async () => {
    const simulator = await simulate({ now: () => 1_772_360_100_000 });
    const { task_id } = await simulator.submit('txt2img');
    await simulator.idle();
    expect(await pollTask(simulator, task_id)).toEqual(simulator.tasks()[0]?.event?.payload);
  });

  test('signs links anew', async () => {
    let now = 1_772_360_100_000;
    const simulator = await simulate({ now: () => now });
    const { task_id } = await simulator.submit('txt2img');
    await simulator.idle();
    now += 7_200_000;
    const link = (await pollTask(simulator, task_id)).images?.[0]?.image_url ?? '';
    expect((await fetch(link)).status).toBe(200);
  });

  test('answers 200 for a task that failed', async () => {
    const simulator = await simulate();
    const plan = { status: 'TASK_STATUS_FAILED', reason: 'out of memory' } as const;
    const { task_id } = await simulator.submit('txt2img', {}, plan);
    await simulator.idle();
    const response = await poll(simulator, `?task_id=${task_id}`);
    expect(response.status).toBe(200);
    expect(await readJson(response)).toMatchObject({
      task: { task_id, status: 'TASK_STATUS_FAILED', reason: 'out of memory' },
      images: [],
    });
  });

  test('is not affected by what the plan changes or loses', async () => {
    const [simulator, receiver] = [await simulate(), await receive()];
    const plan = { transformEvent: () => 'garbage', dropDelivery: true };
    const { task_id } = await simulator.submit('txt2img', webhook(receiver.url), plan);
    await simulator.idle();
    expect((await pollTask(simulator, task_id)).task.status).toBe('TASK_STATUS_SUCCEED');
    expect(receiver.received).toEqual([]);
  });

  test('does not know a task', async () => {
    const response = await poll(await simulate(), '?task_id=nothing');
    expect(response.status).toBe(404);
    expect(await readJson(response)).toEqual({
      code: 404,
      reason: 'TASK_NOT_FOUND',
      message: 'task not found',
      metadata: {},
    });
  });

  test.each(['', '?task_id='])('wants a task id: "%s"', async (query) => {
    const response = await poll(await simulate(), query);
    expect(response.status).toBe(400);
    expect(await readJson(response)).toMatchObject({ code: 400, reason: 'INVALID_REQUEST' });
  });
});
