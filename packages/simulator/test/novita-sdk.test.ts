// The vendor's own SDK, unmodified, against the simulator.
import { describe, expect, test } from 'vitest';
import { NovitaError, NovitaSDK } from 'novita-sdk';
import { NovitaSDK as NovitaSDK1 } from 'novita-sdk-1';

import type { Simulator, TaskEvent } from '../src/index.ts';
import { startReceiver, startSimulator, type Receiver } from './support/setup.ts';

const KEY = 'sk_test';

const request = {
  model_name: 'sd_xl_base_1.0.safetensors',
  prompt: 'a red kite',
  negative_prompt: '',
  width: 512,
  height: 512,
  image_num: 2,
  steps: 20,
  seed: 42,
  guidance_scale: 7.5,
  sampler_name: 'Euler a',
};
const image_base64 = 'iVBORw0KGgo=';
const inpaintingRequest = { ...request, image_base64, mask_image_base64: image_base64 };
const size = { width: 512, height: 512 };
const video = { model_name: 'm', ...size, seed: -1, prompt: 'a red kite', frames: 81 };
const txt2video = {
  model_name: 'm',
  ...size,
  seed: -1,
  steps: 20,
  prompts: [{ prompt: 'a red kite', frames: 16 }],
  guidance_scale: 7.5,
};
/** The types want members of enums, and those of versions 1 and 3 are different types. */
const img2video = {
  model_name: 'SVD-XT',
  image_file: image_base64,
  frames_num: 25,
  frames_per_second: 6,
  seed: -1,
  image_file_resize_mode: 'CROP_TO_ASPECT_RATIO',
  steps: 20,
};

const connect = <T extends NovitaSDK | NovitaSDK1>(sdk: T, { url }: Simulator, key = KEY): T => {
  sdk.setNovitaKey(key);
  sdk.setBaseUrl(url);
  return sdk;
};

const readEvents = ({ received }: Receiver): TaskEvent[] =>
  received.map(({ body }) => JSON.parse(body) as TaskEvent);

describe('novita-sdk 3', () => {
  test.each([
    ['txt2Img', 'TXT_TO_IMG', (sdk: NovitaSDK) => sdk.txt2Img({ request })],
    [
      'img2Img',
      'IMG_TO_IMG',
      (sdk: NovitaSDK) => sdk.img2Img({ request: { ...request, image_base64 } }),
    ],
    [
      'inpainting',
      'INPAINTING',
      (sdk: NovitaSDK) => sdk.inpainting({ request: inpaintingRequest }),
    ],
    ['txt2Video', 'TXT_TO_VIDEO', (sdk: NovitaSDK) => sdk.txt2Video(txt2video)],
    ['img2Video', 'IMG_TO_VIDEO', (sdk: NovitaSDK) => sdk.img2Video(img2video as never)],
    ['wanT2v', 'WAN_TXT_TO_VIDEO', (sdk: NovitaSDK) => sdk.wanT2v(video)],
    [
      'hunyuanVideoFast',
      'HUNYUAN_VIDEO_FAST',
      (sdk: NovitaSDK) => sdk.hunyuanVideoFast({ ...video, steps: 20 }),
    ],
  ])('%s submits a task, and progress() returns its result', async (_name, taskType, submit) => {
    const simulator = await startSimulator({ apiKey: KEY });
    const sdk = connect(new NovitaSDK(''), simulator);
    const { task_id } = await submit(sdk);
    await simulator.idle();
    const { task, images = [], videos = [] } = await sdk.progress({ task_id });
    expect(task).toMatchObject({ task_id, task_type: taskType, status: 'TASK_STATUS_SUCCEED' });
    const file = await fetch(images[0]?.image_url ?? videos[0]?.video_url ?? '');
    expect(file.status).toBe(200);
  });

  test('delivers the event of extra.webhook, in test mode and without it', async () => {
    const [simulator, receiver] = [await startSimulator(), await startReceiver()];
    const sdk = connect(new NovitaSDK(''), simulator);
    const submit = (enabled: boolean) => {
      const test_mode = { enabled, return_task_status: 'TASK_STATUS_FAILED' } as const;
      return sdk.txt2Img({ request, extra: { webhook: { url: receiver.url, test_mode } } });
    };
    const real = await submit(false);
    const testing = await submit(true);
    await simulator.idle();
    const statuses = readEvents(receiver).map(({ payload: { task } }) => [
      task.task_id,
      task.status,
    ]);
    expect(Object.fromEntries(statuses)).toEqual({
      [real.task_id]: 'TASK_STATUS_SUCCEED',
      [testing.task_id]: 'TASK_STATUS_FAILED',
    });
  });

  test('works with a trailing slash, and with Bearer in the key', async () => {
    const simulator = await startSimulator({ apiKey: KEY });
    const sdk = connect(new NovitaSDK(''), simulator, `Bearer ${KEY}`);
    sdk.setBaseUrl(`${simulator.url}/`);
    const { task_id } = await sdk.txt2Img({ request });
    await simulator.idle();
    const { images } = await sdk.progress({ task_id });
    expect(images).toHaveLength(2);
  });

  test('reads the errors of the simulator', async () => {
    const simulator = await startSimulator({ apiKey: KEY });
    const sdk = connect(new NovitaSDK(''), simulator);
    const fail = (call: Promise<unknown>): Promise<unknown> =>
      call.catch((error: unknown) => error);
    const incomplete = { ...request, sampler_name: undefined as unknown as string };
    const invalid = await fail(sdk.txt2Img({ request: incomplete }));
    expect(invalid).toBeInstanceOf(NovitaError);
    const msg = 'request.sampler_name is required: string';
    expect(invalid).toMatchObject({ code: 400, reason: 'INVALID_REQUEST_BODY', msg });
    const unknown = await fail(sdk.progress({ task_id: 'unknown' }));
    expect(unknown).toMatchObject({ code: 404, reason: 'TASK_NOT_FOUND' });
    sdk.setNovitaKey('wrong');
    expect(await fail(sdk.txt2Img({ request }))).toMatchObject({ reason: 'INVALID_API_KEY' });
  });
});

describe('novita-sdk 1', () => {
  test.each([
    ['txt2ImgV3', 'TXT_TO_IMG', (sdk: NovitaSDK1) => sdk.txt2ImgV3({ request })],
    [
      'img2ImgV3',
      'IMG_TO_IMG',
      (sdk: NovitaSDK1) => sdk.img2ImgV3({ request: { ...request, image_base64 } }),
    ],
    ['txt2Video', 'TXT_TO_VIDEO', (sdk: NovitaSDK1) => sdk.txt2Video(txt2video)],
  ])('%s submits a task, and progressV3() returns its result', async (_name, taskType, submit) => {
    const simulator = await startSimulator({ apiKey: KEY });
    const sdk = connect(new NovitaSDK1(''), simulator);
    sdk.setBaseUrl(`${simulator.url}/`);
    const { task_id } = await submit(sdk);
    await simulator.idle();
    const { task } = await sdk.progressV3({ task_id });
    expect(task).toMatchObject({ task_id, task_type: taskType, status: 'TASK_STATUS_SUCCEED' });
  });

  test('img2VideoSync() polls until the videos are ready', async () => {
    const simulator = await startSimulator({ apiKey: KEY, taskMs: 20 });
    const sdk = connect(new NovitaSDK1(''), simulator);
    const sync = sdk.img2VideoSync(img2video as never, { interval: 10 });
    expect(await sync).toEqual([expect.stringContaining('.mp4')]);
  });
});
