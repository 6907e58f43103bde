import { describe, expect, test } from 'vitest';

import { ENDPOINTS_WITHOUT_DOCUMENTED_WEBHOOKS, RETIRED_ENDPOINTS_2026 } from '../src/index.ts';
import { post, readJson, startReceiver, startSimulator, webhook } from './support/setup.ts';

const poll = (url: string, taskId: string): Promise<Response> =>
  fetch(`${url}/v3/async/task-result?task_id=${taskId}`);

describe('catalogue of November 2026', () => {
  const kling = ['std', 'pro', '4k'].flatMap((tier) =>
    ['t2v', 'i2v'].map((kind) => `${tier}-${kind}`),
  );

  test.each([...kling.map((name) => `kling-v3.0-${name}`), 'kling-v3.0-motion-control'])(
    '%s takes a flat body with a webhook, and creates videos',
    async (endpoint) => {
      const [simulator, receiver] = [await startSimulator(), await startReceiver()];
      const body = { prompt: 'a red kite', negative_prompt: '', ...webhook(receiver.url) };
      const response = await post(`${simulator.url}/v3/async/${endpoint}`, JSON.stringify(body));
      expect(response.status).toBe(200);
      await simulator.idle();
      expect(receiver.received[0]?.body).toContain('.mp4');
    },
  );

  test.each(['hd', 'turbo'])('minimax-speech-2.8-%s creates audios', async (name) => {
    const [simulator, receiver] = [await startSimulator(), await startReceiver()];
    const body = {
      text: 'A red kite.',
      voice_setting: { voice_id: 'a' },
      ...webhook(receiver.url),
    };
    await simulator.submit(`minimax-speech-2.8-${name}`, body);
    await simulator.idle();
    expect(receiver.received[0]?.body).toContain('.wav');
  });

  test.each([
    ['kling-v3.0-std-t2v', { duration: '5' }, 'duration must be of type number, not string'],
    ['kling-v3.0-4k-i2v', { sound: 'on' }, 'sound must be of type boolean, not string'],
    ['minimax-speech-2.8-hd', { text: 5 }, 'text must be of type string, not number'],
  ])('%s rejects %j', async (endpoint, body, message) => {
    const simulator = await startSimulator();
    const response = await post(`${simulator.url}/v3/async/${endpoint}`, JSON.stringify(body));
    expect(response.status).toBe(400);
    expect(await readJson(response)).toMatchObject({ reason: 'INVALID_REQUEST_BODY', message });
  });
});

describe('retiredEndpoints', () => {
  test('are answered with an error in the form of the vendor', async () => {
    const simulator = await startSimulator({ retiredEndpoints: RETIRED_ENDPOINTS_2026 });
    for (const endpoint of [
      'wan-t2v',
      'upscale',
      'flux-2-dev',
      'qwen-image-txt2img',
      'kling-v2.6-pro-t2v',
    ]) {
      const response = await post(`${simulator.url}/v3/async/${endpoint}`, '{}');
      expect(response.status).toBe(404);
      expect(await readJson(response)).toEqual({
        code: 404,
        reason: 'ENDPOINT_RETIRED',
        message: `the endpoint ${endpoint} has been retired`,
        metadata: {},
      });
    }
    await simulator.submit('kling-v3.0-pro-t2v');
    await simulator.submit('txt2img');
    expect(simulator.report().rejectedRequests).toEqual({ ENDPOINT_RETIRED: 5 });
  });

  test('a dot in a pattern is a dot', async () => {
    const simulator = await startSimulator({ retiredEndpoints: ['a.b'] });
    await simulator.submit('a-b');
    await expect(simulator.submit('a.b')).rejects.toThrow('404 ENDPOINT_RETIRED');
  });
});

test('endpointsWithoutWebhooks: take a callback URL, and never send an event', async () => {
  const [simulator, receiver] = [
    await startSimulator({ endpointsWithoutWebhooks: ENDPOINTS_WITHOUT_DOCUMENTED_WEBHOOKS }),
    await startReceiver(),
  ];
  const { task_id } = await simulator.submit('kling-v3.0-std-t2v', webhook(receiver.url));
  await simulator.submit('kling-v3.0-std-t2v', webhook(receiver.url), { duplicates: 3 });
  await simulator.submit('txt2img', webhook(receiver.url));
  await simulator.idle();
  expect(receiver.received).toHaveLength(1);
  expect(simulator.report().events).toEqual({ none: 2, acknowledged: 1 });
  expect(await readJson(await poll(simulator.url, task_id))).toMatchObject({
    task: { status: 'TASK_STATUS_SUCCEED' },
  });
});

describe('rateLimit', () => {
  test('answers 429 with Retry-After, for each key', async () => {
    let now = 1_772_360_100_000;
    const rateLimit = { requests: 2, windowMs: 1500 };
    const simulator = await startSimulator({ rateLimit, now: () => now });
    const send = (authorization: string): Promise<Response> =>
      post(`${simulator.url}/v3/async/kling-v3.0-std-t2v`, '{}', { authorization });
    const statuses = async (...keys: string[]): Promise<number[]> => {
      const responses: number[] = [];
      for (const key of keys) responses.push((await send(key)).status);
      return responses;
    };
    expect(await statuses('one', 'Bearer one', 'one', 'two')).toEqual([200, 200, 429, 200]);
    const rejected = await send('one');
    expect(rejected.headers.get('retry-after')).toBe('2');
    expect(await readJson(rejected)).toEqual({
      code: 429,
      reason: 'RATE_LIMIT_EXCEEDED',
      message: 'rate limit exceeded',
      metadata: {},
    });
    now += 1500;
    expect(await statuses('one', 'one', 'one')).toEqual([200, 200, 429]);
  });

  test('counts task results, too', async () => {
    const simulator = await startSimulator({ rateLimit: { requests: 1, windowMs: 60_000 } });
    expect((await poll(simulator.url, 'x')).status).toBe(404);
    expect((await poll(simulator.url, 'x')).status).toBe(429);
  });
});

test('retentionMs: a task result is 404 afterwards', async () => {
  let now = 1_772_360_100_000;
  const simulator = await startSimulator({ retentionMs: 1000, now: () => now });
  const { task_id } = await simulator.submit('txt2img');
  await simulator.idle();
  now += 999;
  expect((await poll(simulator.url, task_id)).status).toBe(200);
  now += 1;
  const response = await poll(simulator.url, task_id);
  expect(response.status).toBe(404);
  expect(await readJson(response)).toMatchObject({ reason: 'TASK_NOT_FOUND' });
});

describe('/simulator', () => {
  test('reports, redelivers and breaks the next delivery over HTTP', async () => {
    const [simulator, receiver] = [await startSimulator(), await startReceiver()];
    const get = async (path: string) => readJson(await fetch(`${simulator.url}/simulator/${path}`));
    const send = async (path: string) =>
      readJson(await fetch(`${simulator.url}/simulator/${path}`, { method: 'POST' }));
    const plan = { dropDelivery: true };
    const { task_id } = await simulator.submit('txt2img', webhook(receiver.url), plan);
    await simulator.submit('txt2img', webhook(receiver.url), plan);
    await simulator.idle();
    expect(await get('report')).toMatchObject({ events: { dropped: 2 } });
    expect(await send('break-next?fault=truncate')).toEqual({ fault: 'truncate' });
    const { deliveries } = await send(`redeliver?task_id=${task_id}`);
    expect(deliveries).toMatchObject([{ taskId: task_id, faults: ['truncate'] }]);
    await send('redeliver');
    expect(await get('report')).toMatchObject({ events: { acknowledged: 2 } });
    expect(await get('tasks')).toMatchObject([{ id: task_id }, {}]);
    expect(JSON.stringify(await get('tasks'))).not.toContain('token=abc');
    expect(await get('deliveries')).toHaveLength(2);
    expect(receiver.received).toHaveLength(2);
  });

  test.each([
    ['redeliver?task_id=unknown', {}, 400, 'no task has the id unknown'],
    ['break-next?fault=fire', {}, 400, 'fault: must be "slow" or'],
    ['redeliver', { origin: 'https://example.com' }, 403, 'a web page cannot control'],
  ])('POST %s with %j is rejected', async (path, headers, status, message) => {
    const { url } = await startSimulator();
    const response = await fetch(`${url}/simulator/${path}`, { method: 'POST', headers });
    expect(response.status).toBe(status);
    expect((await readJson(response))['message']).toContain(message);
  });

  test('needs the API key', async () => {
    const { url } = await startSimulator({ apiKey: 'secret' });
    expect((await fetch(`${url}/simulator/report`)).status).toBe(400);
    const headers = { authorization: 'secret' };
    expect((await fetch(`${url}/simulator/report`, { headers })).status).toBe(200);
  });
});
