import { describe, expect, test } from 'vitest';

import { post, readJson, receive, simulate, webhook } from './support/setup.ts';

const uuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;

describe('submit', () => {
  test.each(['/v3/async/txt2img', '/v3/async/minimax/speech-2.8-hd', '/v3/video/create'])(
    'POST %s answers with a task id',
    async (path) => {
      const simulator = await simulate();
      const response = await post(simulator.url + path, '{}');
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('application/json');
      expect((await readJson(response))['task_id']).toMatch(uuid);
    },
  );

  test('ids differ between simulators', async () => {
    const [one, other] = [await simulate(), await simulate()];
    expect(await one.submit('txt2img')).not.toEqual(await other.submit('txt2img'));
  });

  test.each([
    ['txt2img', 'TXT_TO_IMG', 'images'],
    ['img2img', 'IMG_TO_IMG', 'images'],
    ['txt2video', 'TXT_TO_VIDEO', 'videos'],
    ['img2video', 'IMG_TO_VIDEO', 'videos'],
    ['wan-i2v', 'WAN_I2V', 'videos'],
    ['kling/v1.6-t2v', 'V1.6_T2V', 'videos'],
    ['minimax-speech-2.8-hd', 'MINIMAX_SPEECH_2.8_HD', 'audios'],
    ['txt2speech', 'TXT2SPEECH', 'audios'],
    ['removeBackground', 'REMOVE_BACKGROUND', 'images'],
    ['/v3/video/create', 'VIDEO_CREATE', 'videos'],
  ])('%s is a task of type %s and makes %s', async (endpoint, taskType, media) => {
    const simulator = await simulate();
    await simulator.submit(endpoint);
    expect(simulator.tasks()).toMatchObject([{ taskType, plan: { media } }]);
  });

  test('without a callback URL nothing is delivered', async () => {
    const simulator = await simulate();
    await simulator.submit('txt2img');
    await simulator.idle();
    expect(simulator.tasks()).toMatchObject([{ status: 'TASK_STATUS_SUCCEED' }]);
    expect(simulator.deliveries()).toEqual([]);
  });

  test('the unified video API takes a callback_url at the top level', async () => {
    const [simulator, receiver] = [await simulate(), await receive()];
    await simulator.submit('/v3/video/create', { callback_url: receiver.url });
    await simulator.idle();
    expect(receiver.received).toHaveLength(1);
  });
});

describe('a submit that is refused', () => {
  test.each([
    ['not JSON', '{"a":', 'the body is not JSON'],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'the body is not JSON'],
    ['nothing', '', 'the body is not JSON'],
    ['an array', '[]', 'the body must be a JSON object'],
    ['null', 'null', 'the body must be a JSON object'],
    ['extra as text', '{"extra":"x"}', 'extra: Invalid input: expected object, received string'],
    [
      'a relative URL',
      JSON.stringify(webhook('/hook')),
      'extra.webhook.url: expected an http or https URL',
    ],
    [
      'a number as URL',
      '{"extra":{"webhook":{"url":7}}}',
      'extra.webhook.url: expected an http or https URL',
    ],
    [
      'an ftp URL',
      JSON.stringify(webhook('ftp://127.0.0.1/')),
      'extra.webhook.url: expected an http or https URL',
    ],
  ])('%s', async (_name, body, message) => {
    const simulator = await simulate();
    const response = await post(`${simulator.url}/v3/async/txt2img`, body);
    expect(response.status).toBe(400);
    const answer = await readJson(response);
    expect(answer).toMatchObject({ code: 400, reason: 'INVALID_REQUEST', metadata: {} });
    expect(answer['message']).toContain(message);
    expect(simulator.tasks()).toEqual([]);
  });

  test('more than 32 MiB', async () => {
    const simulator = await simulate();
    const body = Buffer.alloc(32 * 1024 * 1024 + 1, ' ');
    const response = await post(`${simulator.url}/v3/async/txt2img`, body);
    expect(response.status).toBe(413);
    expect(await readJson(response)).toMatchObject({ code: 413, reason: 'REQUEST_TOO_LARGE' });
  });

  test('32 MiB are fine', async () => {
    const simulator = await simulate();
    const body = Buffer.alloc(32 * 1024 * 1024, ' ');
    body.write('{}');
    expect((await post(`${simulator.url}/v3/async/img2img`, body)).status).toBe(200);
  });

  test.each(['https://example.com/hook', 'http://192.168.1.2/', 'http://127.0.0.1.evil.example/'])(
    'a callback at %s',
    async (url) => {
      const simulator = await simulate();
      await expect(simulator.submit('txt2img', webhook(url))).rejects.toThrow(
        /400 REMOTE_CALLBACK: extra\.webhook\.url: .* is not a loopback host\. .* allowRemote: true/,
      );
    },
  );

  test.each(['http://localhost:1/', 'http://127.8.9.1:1/', 'http://[::1]:1/'])(
    'but not one at %s',
    async (url) => {
      const simulator = await simulate({ retry: { maxRetries: 0 } });
      await expect(simulator.submit('txt2img', webhook(url))).resolves.toBeDefined();
    },
  );

  test('nor a remote one with allowRemote', async () => {
    const simulator = await simulate({ allowRemote: true });
    const body = webhook('https://example.com/hook');
    await expect(simulator.submit('txt2img', body, { dropDelivery: true })).resolves.toBeDefined();
  });

  test.each([
    ['GET', '/v3/async/txt2img'],
    ['POST', '/v3/async/task-result'],
    ['POST', '/v3/async/'],
    ['POST', '/v3/async/a//b'],
    ['GET', '/'],
    ['GET', '//elsewhere/v3/async/task-result'],
    ['DELETE', '/v3/async/txt2img'],
  ])('an unknown route: %s %s', async (method, path) => {
    const simulator = await simulate();
    const response = await fetch(simulator.url + path, { method });
    expect(response.status).toBe(404);
    expect(await readJson(response)).toEqual({
      code: 404,
      reason: 'NOT_FOUND',
      message: `no such route: ${method} ${path}`,
      metadata: {},
    });
  });
});

describe('the API key', () => {
  test.each([
    ['missing', {}, 400, 'MISSING_API_KEY', 'missing api-key'],
    ['wrong', { authorization: 'Bearer wrong' }, 403, 'INVALID_API_KEY', 'invalid api-key'],
    ['bare', { authorization: 'secret' }, 403, 'INVALID_API_KEY', 'invalid api-key'],
  ])('%s', async (_name, headers, code, reason, message) => {
    const simulator = await simulate({ apiKey: 'secret' });
    const submit = await post(`${simulator.url}/v3/async/txt2img`, '{}', headers);
    const result = await fetch(`${simulator.url}/v3/async/task-result?task_id=x`, { headers });
    for (const response of [submit, result]) {
      expect(response.status).toBe(code);
      expect(await readJson(response)).toEqual({ code, reason, message });
    }
  });

  test('right', async () => {
    const simulator = await simulate({ apiKey: 'secret' });
    const { task_id } = await simulator.submit('txt2img');
    const response = await fetch(`${simulator.url}/v3/async/task-result?task_id=${task_id}`, {
      headers: { authorization: 'Bearer secret' },
    });
    expect(response.status).toBe(200);
  });
});
