import { describe, expect, test } from 'vitest';

import { post, readJson, startReceiver, startSimulator, webhook } from './support/setup.ts';

const uuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;

describe('submit', () => {
  test.each([
    '/v3/async/kling-v3.0-std-t2v',
    '//v3/async/wan-i2v',
    '/v3/async/minimax/speech-2.8-hd',
    '/v3/video/create',
  ])('POST %s responds with a task id', async (path) => {
    const simulator = await startSimulator();
    const response = await post(simulator.url + path, '{}');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect((await readJson(response))['task_id']).toMatch(uuid);
  });

  test('creates ids that differ between simulators', async () => {
    const [one, other] = [await startSimulator(), await startSimulator()];
    expect(await one.submit('txt2img')).not.toEqual(await other.submit('txt2img'));
  });

  test.each([
    ['txt2img', 'TXT_TO_IMG', 'images'],
    ['img2img', 'IMG_TO_IMG', 'images'],
    ['txt2video', 'TXT_TO_VIDEO', 'videos'],
    ['img2video', 'IMG_TO_VIDEO', 'videos'],
    ['wan-t2v', 'WAN_TXT_TO_VIDEO', 'videos'],
    ['wan-i2v', 'WAN_IMG_TO_VIDEO', 'videos'],
    ['kling-v1.6-i2v', 'KLING_V16_I2V_STANDARD', 'videos'],
    ['kling/v1.6-t2v', 'V1.6_T2V', 'videos'],
    ['minimax-speech-2.8-hd', 'MINIMAX_SPEECH_2.8_HD', 'audios'],
    ['txt2speech', 'TXT2SPEECH', 'audios'],
    ['removeBackground', 'REMOVE_BACKGROUND', 'images'],
    ['/v3/video/create', 'VIDEO_CREATE', 'videos'],
  ])('%s creates a task of type %s with %s', async (endpoint, taskType, media) => {
    const simulator = await startSimulator();
    await simulator.submit(endpoint);
    expect(simulator.tasks()).toMatchObject([{ taskType, plan: { media } }]);
  });

  test('delivers nothing without a callback URL', async () => {
    const simulator = await startSimulator();
    await simulator.submit('txt2img');
    await simulator.idle();
    expect(simulator.tasks()).toMatchObject([{ status: 'TASK_STATUS_SUCCEED' }]);
    expect(simulator.deliveries()).toEqual([]);
  });

  test('reads callback_url of the unified video API', async () => {
    const [simulator, receiver] = [await startSimulator(), await startReceiver()];
    await simulator.submit('/v3/video/create', { callback_url: receiver.url });
    await simulator.idle();
    expect(receiver.received).toHaveLength(1);
  });
});

describe('submit body and callback URL', () => {
  test.each([
    ['not JSON', '{"a":', 'the body is not JSON'],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'the body is not JSON'],
    ['empty', '', 'the body is not JSON'],
    ['an array', '[]', 'the body is not a JSON object'],
    ['null', 'null', 'the body is not a JSON object'],
    ['extra as text', '{"extra":"x"}', 'extra: must be an object'],
    [
      'a relative URL',
      JSON.stringify(webhook('/hook')),
      'extra.webhook.url: must be an http or https URL',
    ],
    [
      'a number as URL',
      '{"extra":{"webhook":{"url":7}}}',
      'extra.webhook.url: must be an http or https URL',
    ],
    [
      'an ftp URL',
      JSON.stringify(webhook('ftp://127.0.0.1/')),
      'extra.webhook.url: must be an http or https URL',
    ],
  ])('rejects a body that is or has %s', async (_name, body, message) => {
    const simulator = await startSimulator();
    const response = await post(`${simulator.url}/v3/async/txt2img`, body);
    expect(response.status).toBe(400);
    const answer = await readJson(response);
    expect(answer).toMatchObject({ code: 400, reason: 'INVALID_REQUEST_BODY', metadata: {} });
    expect(answer['message']).toContain(message);
    expect(simulator.tasks()).toEqual([]);
  });

  test('rejects more than 32 MiB', async () => {
    const simulator = await startSimulator();
    const body = Buffer.alloc(32 * 1024 * 1024 + 1, ' ');
    const response = await post(`${simulator.url}/v3/async/txt2img`, body);
    expect(response.status).toBe(413);
    expect(await readJson(response)).toMatchObject({ code: 413, reason: 'REQUEST_TOO_LARGE' });
  });

  test('accepts 32 MiB', async () => {
    const simulator = await startSimulator();
    const body = Buffer.alloc(32 * 1024 * 1024, ' ');
    body.write('{}');
    expect((await post(`${simulator.url}/v3/async/kling-v3.0-std-i2v`, body)).status).toBe(200);
  });

  test.each(['https://example.com/hook', 'http://192.168.1.2/', 'http://127.0.0.1.evil.example/'])(
    'rejects the callback URL %s',
    async (url) => {
      const simulator = await startSimulator();
      await expect(simulator.submit('txt2img', webhook(url))).rejects.toThrow(
        /400 REMOTE_CALLBACK: extra\.webhook\.url: .* is not a loopback host\. .* allowRemote: true/,
      );
    },
  );

  test.each(['http://localhost:1/', 'http://127.8.9.1:1/', 'http://[::1]:1/'])(
    'accepts the callback URL %s',
    async (url) => {
      const simulator = await startSimulator({ retry: { maxRetries: 0 } });
      await expect(simulator.submit('txt2img', webhook(url))).resolves.toBeDefined();
    },
  );

  test('accepts a remote callback URL with allowRemote', async () => {
    const simulator = await startSimulator({ allowRemote: true });
    const body = webhook('https://example.com/hook');
    await expect(simulator.submit('txt2img', body, { dropDelivery: true })).resolves.toBeDefined();
  });
});

describe('parameters that Novita requires', () => {
  const request = {
    model_name: 'm',
    prompt: 'p',
    negative_prompt: '',
    width: 512,
    height: 512,
    image_num: 1,
    steps: 20,
    seed: -1,
    guidance_scale: 7.5,
    sampler_name: 'Euler a',
  };
  const wan = { model_name: 'm', prompt: 'p', width: 512, height: 512, seed: -1, frames: 81 };

  test.each([
    ['txt2img', { request }],
    ['wan-t2v', wan],
    ['kling-v3.0-std-t2v', {}],
  ])('%s: a body with all of them is accepted', async (endpoint, body) => {
    const simulator = await startSimulator();
    const response = await post(`${simulator.url}/v3/async/${endpoint}`, JSON.stringify(body));
    expect(response.status).toBe(200);
  });

  test.each([
    ['txt2img', {}, 'request is required: object'],
    ['txt2img', request, 'request is required: object'],
    [
      'txt2img',
      { request: { ...request, steps: undefined, width: null } },
      'request.width is required: number; request.steps is required: number',
    ],
    [
      'txt2img',
      { request: { ...request, seed: '-1' } },
      'request.seed must be of type number, not string',
    ],
    ['img2img', { request }, 'request.image_base64 is required: string'],
    ['wan-t2v', { ...wan, frames: undefined }, 'frames is required: number'],
    ['txt2video', { ...wan, steps: 20, guidance_scale: 7 }, 'prompts is required: array'],
  ])('%s: a body without them is rejected', async (endpoint, body, message) => {
    const simulator = await startSimulator();
    const response = await post(`${simulator.url}/v3/async/${endpoint}`, JSON.stringify(body));
    expect(response.status).toBe(400);
    const expected = { code: 400, reason: 'INVALID_REQUEST_BODY', message, metadata: {} };
    expect(await readJson(response)).toEqual(expected);
    expect(simulator.tasks()).toEqual([]);
  });

  test('submit() of the simulator adds a sample for those that the body lacks', async () => {
    const simulator = await startSimulator();
    await simulator.submit('txt2img', { request: { prompt: 'a blue kite', image_num: 3 } });
    await simulator.submit('txt2video', { prompts: [{ prompt: 'x', frames: 8 }] });
    expect(simulator.tasks()).toMatchObject([{ prompt: 'a blue kite', plan: { count: 3 } }, {}]);
  });

  test.each([
    ['text/plain;charset=UTF-8', 'content-type is text/plain;charset=UTF-8; send'],
    ['application/jsonp', 'content-type is application/jsonp; send'],
    ['', 'content-type is missing; send content-type: application/json'],
  ])('the content type "%s" is rejected', async (contentType, message) => {
    const simulator = await startSimulator();
    const headers = { 'content-type': contentType };
    const response = await post(`${simulator.url}/v3/async/wan-t2v`, JSON.stringify(wan), headers);
    expect(response.status).toBe(400);
    const answer = await readJson(response);
    expect(answer).toMatchObject({ reason: 'INVALID_REQUEST_BODY' });
    expect(answer['message']).toContain(message);
  });
});
