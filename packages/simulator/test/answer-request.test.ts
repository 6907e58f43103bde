import { describe, expect, test } from 'vitest';

import type { Simulator, TaskResult } from '../src/index.ts';
import { post, readJson, startReceiver, startSimulator, webhook } from './support/setup.ts';

const poll = (simulator: Simulator, query: string): Promise<Response> =>
  fetch(`${simulator.url}/v3/async/task-result${query}`);

const pollTask = async (simulator: Simulator, taskId: string): Promise<TaskResult> =>
  (await (await poll(simulator, `?task_id=${taskId}`)).json()) as TaskResult;

describe('Task Result API', () => {
  test('reports queued, then processing, then the result', async () => {
    const simulator = await startSimulator({ taskMs: 2000 });
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

  test('responds with the payload of the event', async () => {
    const simulator = await startSimulator({ now: () => 1_772_360_100_000 });
    const { task_id } = await simulator.submit('txt2img');
    await simulator.idle();
    expect(await pollTask(simulator, task_id)).toEqual(simulator.tasks()[0]?.event?.payload);
  });

  test('signs new links in each response', async () => {
    let now = 1_772_360_100_000;
    const simulator = await startSimulator({ now: () => now });
    const { task_id } = await simulator.submit('txt2img');
    await simulator.idle();
    now += 7_200_000;
    const link = (await pollTask(simulator, task_id)).images?.[0]?.image_url ?? '';
    expect((await fetch(link)).status).toBe(200);
  });

  test('responds 200 for a failed task', async () => {
    const simulator = await startSimulator();
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

  test('ignores transformEvent and dropDelivery', async () => {
    const [simulator, receiver] = [await startSimulator(), await startReceiver()];
    const plan = { transformEvent: () => 'garbage', dropDelivery: true };
    const { task_id } = await simulator.submit('txt2img', webhook(receiver.url), plan);
    await simulator.idle();
    expect((await pollTask(simulator, task_id)).task.status).toBe('TASK_STATUS_SUCCEED');
    expect(receiver.received).toEqual([]);
  });

  test('responds 404 to an unknown task id', async () => {
    const response = await poll(await startSimulator(), '?task_id=nothing');
    expect(response.status).toBe(404);
    expect(await readJson(response)).toEqual({
      code: 404,
      reason: 'TASK_NOT_FOUND',
      message: 'task not found',
      metadata: {},
    });
  });

  test.each(['', '?task_id='])(
    'responds 400 to the query "%s", which lacks a task id',
    async (query) => {
      const response = await poll(await startSimulator(), query);
      expect(response.status).toBe(400);
      expect(await readJson(response)).toMatchObject({ code: 400, reason: 'INVALID_REQUEST' });
    },
  );
});

test.each([
  ['GET', '/v3/async/txt2img'],
  ['POST', '/v3/async/task-result'],
  ['POST', '/v3/async/'],
  ['POST', '/v3/async/a//b'],
  ['GET', '/'],
  ['GET', '//elsewhere/v3/async/task-result'],
  ['DELETE', '/v3/async/txt2img'],
])('answerRequest: responds 404 to the unknown route %s %s', async (method, path) => {
  const simulator = await startSimulator();
  const response = await fetch(simulator.url + path, { method });
  expect(response.status).toBe(404);
  expect(await readJson(response)).toEqual({
    code: 404,
    reason: 'NOT_FOUND',
    message: `no such route: ${method} ${path}`,
    metadata: {},
  });
});

describe('API key', () => {
  test.each([
    ['no key', {}, 400, 'MISSING_API_KEY', 'missing api-key'],
    ['a wrong key', { authorization: 'Bearer wrong' }, 403, 'INVALID_API_KEY', 'invalid api-key'],
    [
      'a wrong key without Bearer',
      { authorization: 'wrong' },
      403,
      'INVALID_API_KEY',
      'invalid api-key',
    ],
  ])('rejects %s', async (_name, headers, code, reason, message) => {
    const simulator = await startSimulator({ apiKey: 'secret' });
    const submit = await post(`${simulator.url}/v3/async/txt2img`, '{}', headers);
    const result = await fetch(`${simulator.url}/v3/async/task-result?task_id=x`, { headers });
    for (const response of [submit, result]) {
      expect(response.status).toBe(code);
      expect(await readJson(response)).toEqual({ code, reason, message });
    }
  });

  test('accepts the key after Bearer', async () => {
    const simulator = await startSimulator({ apiKey: 'secret' });
    const { task_id } = await simulator.submit('txt2img');
    const response = await fetch(`${simulator.url}/v3/async/task-result?task_id=${task_id}`, {
      headers: { authorization: 'Bearer secret' },
    });
    expect(response.status).toBe(200);
  });
});
