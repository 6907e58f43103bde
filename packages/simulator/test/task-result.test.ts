import { describe, expect, test } from 'vitest';

import type { Plan, SimulatorOptions, TaskEvent, TaskResult } from '../src/index.ts';
import { startReceiver, startSimulator, webhook } from './support/setup.ts';

/** Runs `count` tasks and returns the payloads of their events. */
const payloads = async (
  endpoint: string,
  count: number,
  plan: Plan = {},
  options: SimulatorOptions = {},
): Promise<TaskResult[]> => {
  const simulator = await startSimulator(options);
  for (let task = 0; task < count; task++) await simulator.submit(endpoint, {}, plan);
  await simulator.idle();
  return simulator.tasks().flatMap(({ event }) => (event ? [event.payload] : []));
};

/** Replaces ids and links, which are random. */
const withoutRandomParts = (results: TaskResult[]): string =>
  JSON.stringify(results)
    .replace(/[\da-f]{8}-[\da-f-]{27}/g, 'ID')
    .replace(/http:[^"]+/g, 'LINK');

describe('event', () => {
  test('has the form that Novita sends', async () => {
    const [simulator, receiver] = [
      await startSimulator({ now: () => 1_772_360_100_123 }),
      await startReceiver(),
    ];
    const body = {
      ...webhook(receiver.url),
      request: { prompt: 'a red kite', seed: 42, image_num: 2 },
    };
    const { task_id } = await simulator.submit('txt2img', body);
    await simulator.idle();
    const event = JSON.parse(receiver.received[0]?.body ?? '') as TaskEvent;
    const image = {
      image_url: expect.stringMatching(
        /^http:\/\/127\.0\.0\.1:\d+\/files\/.*X-Amz-Signature=/,
      ) as string,
      image_url_ttl: '3600',
      image_type: 'png',
      nsfw_detection_result: null,
    };
    expect(event).toEqual({
      event_type: 'ASYNC_TASK_RESULT',
      payload: {
        task: {
          task_id,
          task_type: 'TXT_TO_IMG',
          status: 'TASK_STATUS_SUCCEED',
          reason: '',
          eta: 0,
          progress_percent: 0,
        },
        extra: {
          seed: '42',
          enable_nsfw_detection: false,
          debug_info: {
            request_info: '{"model":"txt2img","prompts":["a red kite"]}',
            submit_time_ms: '1772360100123',
            execute_time_ms: '1772360100123',
            complete_time_ms: '1772360100123',
          },
          webhook: { url: receiver.url },
        },
        images: [image, image],
        videos: [],
        audios: [],
      },
    });
    const text = JSON.stringify(event).replace('token=abc', 'token=[redacted]');
    expect(simulator.tasks()[0]?.event).toEqual(JSON.parse(text));
  });

  test('of a failed task holds a reason and no outputs', async () => {
    const [result] = await payloads('txt2img', 1, { status: 'TASK_STATUS_FAILED' });
    expect(result).toMatchObject({
      task: { status: 'TASK_STATUS_FAILED', reason: 'model load failed', task_type: 'TXT_TO_IMG' },
      images: [],
      videos: [],
      audios: [],
    });
  });

  test.each([
    ['txt2video', 'videos', 'video', 'mp4'],
    ['minimax-speech-2.8-hd', 'audios', 'audio', 'wav'],
    ['upscale', 'images', 'image', 'png'],
  ] as const)('of %s holds %s', async (endpoint, media, kind, type) => {
    const [result] = await payloads(endpoint, 1, { count: 3 });
    expect(result?.[media]).toHaveLength(3);
    expect(result?.[media]?.[0]).toMatchObject({
      [`${kind}_type`]: type,
      [`${kind}_url_ttl`]: '3600',
    });
  });

  test('holds no outputs with count: 0', async () => {
    const [result] = await payloads('txt2img', 1, { count: 0 });
    expect(result).toMatchObject({ task: { status: 'TASK_STATUS_SUCCEED' }, images: [] });
  });

  test.each([
    [true, 93.41],
    [false, 0],
  ])('holds the verdict for nsfw: %s', async (nsfw, confidence) => {
    const [result] = await payloads('txt2img', 1, { nsfw });
    expect(result?.extra?.['enable_nsfw_detection']).toBe(true);
    expect(result?.images?.[0]).toMatchObject({
      nsfw_detection_result: { valid: true, confidence },
    });
  });

  test('holds a clean verdict if the request enables detection', async () => {
    const simulator = await startSimulator();
    await simulator.submit('txt2img', { extra: { enable_nsfw_detection: true } });
    expect(simulator.tasks()).toMatchObject([{ detectNsfw: true, plan: { nsfw: false } }]);
  });
});

describe('forms of results', () => {
  test('images: all forms occur within 20 tasks', async () => {
    const results = await payloads('txt2img', 20);
    const images = results.flatMap((result) => result.images ?? []);
    const ttls = new Set(images.map((image) => image.image_url_ttl));
    expect(ttls).toEqual(new Set(['3600', '0', 3600]));
    const verdicts = images.map((image) => JSON.stringify(image.nsfw_detection_result));
    expect(new Set(verdicts)).toEqual(new Set(['null', '{}', undefined]));
    const progress = results.map(({ task }) => task.progress_percent);
    expect(new Set(progress)).toEqual(new Set([0, 100]));
    const times = results.map(({ extra }) => extra?.['debug_info'] as { submit_time_ms: string });
    expect(times.filter(({ submit_time_ms }) => submit_time_ms === '')).toHaveLength(4);
    const seeds = results.map(({ extra }) => extra?.['seed']);
    expect(new Set(seeds).size).toBe(20);
    expect(seeds.every((seed) => typeof seed === 'string')).toBe(true);
    expect(seeds.some((seed) => Number(seed) > Number.MAX_SAFE_INTEGER)).toBe(true);
  });

  test('videos: every third lacks audios and eta', async () => {
    const results = await payloads('txt2video', 5);
    const detections = results.map(({ videos }) => videos?.[0]?.nsfw_detection_result);
    expect(detections).toEqual([undefined, undefined, undefined, undefined, null]);
    expect(results.map((result) => 'audios' in result)).toEqual([true, true, false, true, true]);
    expect(results.map(({ task }) => 'eta' in task)).toEqual([true, true, false, true, true]);
  });

  test('failures: every third holds only the task', async () => {
    const results = await payloads('txt2img', 3, { status: 'TASK_STATUS_FAILED' });
    expect(Object.keys(results[0] ?? {})).toContain('images');
    expect(Object.keys(results[2] ?? {})).toEqual(['task']);
  });

  test('depend only on the number of the task', async () => {
    const clock = { now: () => 1_772_360_100_000 };
    const [one, other] = [
      await payloads('txt2img', 12, {}, clock),
      await payloads('txt2img', 12, {}, clock),
    ];
    expect(withoutRandomParts(one)).toBe(withoutRandomParts(other));
  });
});

describe('test mode', () => {
  test.each([
    ['TASK_STATUS_SUCCEED', '', 1],
    ['TASK_STATUS_FAILED', 'mock failure', 0],
  ])('sends %s without delay', async (status, reason, images) => {
    const [simulator, receiver] = [await startSimulator({ taskMs: 60_000 }), await startReceiver()];
    const mode = { enabled: true, return_task_status: status };
    await simulator.submit('txt2img', webhook(receiver.url, { test_mode: mode }), {
      taskMs: 60_000,
      status: 'TASK_STATUS_SUCCEED',
    });
    await simulator.idle();
    const { payload } = JSON.parse(receiver.received[0]?.body ?? '') as TaskEvent;
    expect(payload.task).toMatchObject({ status, reason, eta: 0, progress_percent: 0 });
    expect(payload.images).toHaveLength(images);
    expect(payload.extra).toEqual({
      enable_nsfw_detection: false,
      webhook: { url: receiver.url, test_mode: mode },
    });
  });

  test('is off with enabled: false', async () => {
    const [simulator, receiver] = [await startSimulator(), await startReceiver()];
    await simulator.submit('txt2img', webhook(receiver.url, { test_mode: { enabled: false } }));
    expect(simulator.tasks()).toMatchObject([{ testMode: undefined }]);
  });

  test.each([
    [{ enabled: true }, 'return_task_status: must be "TASK_STATUS_SUCCEED" or'],
    [
      { enabled: true, return_task_status: 'TASK_STATUS_QUEUED' },
      'return_task_status: must be "TASK',
    ],
    [{ enabled: 'yes' }, 'extra.webhook.test_mode.enabled: must be true or false'],
    ['on', 'extra.webhook.test_mode: must be an object'],
  ])('rejects %j', async (mode, message) => {
    const simulator = await startSimulator();
    const body = webhook('http://127.0.0.1:1/', { test_mode: mode });
    await expect(simulator.submit('txt2img', body)).rejects.toThrow(message);
  });
});
