// Hugging Face's own client, unmodified, against the simulator. Its provider `novita` uses Novita's
// asynchronous API for videos. The client has no option for the address, so the test replaces fetch().
import { InferenceClient } from '@huggingface/inference';
import { createReceiver } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';

import type { Simulator } from '../src/index.ts';
import { startSimulator } from './support/setup.ts';

const KEY = 'sk_test';
/** A model of the Hub, and the endpoint of Novita that the Hub names for it. */
const MODEL = 'example/red-kite-video';
const ENDPOINT = 'kling-v3.0-std-t2v';

interface Request {
  readonly address: string;
  readonly headers: Headers;
  readonly body: unknown;
}

/** What the Hub answers about the model. */
const hubAnswer = {
  inferenceProviderMapping: [
    {
      provider: 'novita',
      providerId: ENDPOINT,
      hfModelId: MODEL,
      status: 'live',
      task: 'text-to-video',
    },
  ],
};

/** Sends the requests for Novita to the simulator. Answers those for the Hub. */
const redirectFetch = (simulator: Simulator): Request[] => {
  const requests: Request[] = [];
  const original = globalThis.fetch;
  vi.stubGlobal('fetch', async (address: string, init: RequestInit = {}) => {
    requests.push({
      address,
      headers: new Headers(init.headers),
      body: typeof init.body === 'string' ? (JSON.parse(init.body) as unknown) : undefined,
    });
    if (address.startsWith('https://huggingface.co/api/models/')) return Response.json(hubAnswer);
    const bases = /^https:\/\/(api\.novita\.ai|router\.huggingface\.co\/novita)/;
    return original(address.replace(bases, simulator.url), init);
  });
  onTestFinished(() => void vi.unstubAllGlobals());
  return requests;
};

test.each([
  ['a key of Novita', KEY, 'https://api.novita.ai'],
  ['a token of Hugging Face', 'hf_test', 'https://router.huggingface.co/novita'],
])(
  '@huggingface/inference: textToVideo() with %s submits, polls and downloads',
  async (_name, key, base) => {
    const simulator = await startSimulator({ apiKey: key, taskMs: 600 });
    const requests = redirectFetch(simulator);
    const client = new InferenceClient(key);
    const video = await client.textToVideo({
      provider: 'novita',
      model: MODEL,
      inputs: 'a red kite over a lake',
      parameters: { seed: 7 },
    });
    expect(
      Buffer.from(await video.arrayBuffer())
        .subarray(4, 8)
        .toString(),
    ).toBe('ftyp');
    const submit = requests.find(({ body }) => body !== undefined);
    expect(submit).toMatchObject({
      address: `${base}/v3/async/${ENDPOINT}`,
      body: { prompt: 'a red kite over a lake', seed: 7 },
    });
    expect(submit?.headers.get('authorization')).toBe(`Bearer ${key}`);
    const [task] = simulator.tasks();
    expect(task).toMatchObject({ status: 'TASK_STATUS_SUCCEED', eventState: 'none' });
    const polls = requests.filter(({ address }) => address.includes('task-result'));
    expect(polls.map(({ address }) => address)).toContain(
      `${base}/v3/async/task-result?task_id=${task?.id ?? ''}`,
    );
  },
);

test('@huggingface/inference: a failed task is an error of the client', async () => {
  const simulator = await startSimulator({ plan: () => ({ status: 'TASK_STATUS_FAILED' }) });
  redirectFetch(simulator);
  const client = new InferenceClient(KEY);
  const video = client.textToVideo({ provider: 'novita', model: MODEL, inputs: 'a red kite' });
  await expect(video).rejects.toThrow('Novita text-to-video task failed');
});

test('@huggingface/inference: passes extra.webhook on, and the receiver gets the event', async () => {
  const simulator = await startSimulator();
  redirectFetch(simulator);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/`;
  const receiver = createReceiver({
    url,
    secret: 'a secret of 32 characters or more',
    logger: false,
  });
  onTestFinished(() => receiver.close());
  const handled: unknown[] = [];
  receiver.onTaskSucceeded(({ task, videos }, { metadata }) => {
    handled.push({ taskId: task.task_id, videos: videos.length, metadata });
  });
  const handle = toNodeHandler(receiver);
  server.on('request', (request, response) => void handle(request, response));
  const webhook = await receiver.createCallback({ metadata: { orderId: 42 } });
  const args = {
    provider: 'novita',
    model: MODEL,
    inputs: 'a red kite',
    extra: { webhook },
  } as const;
  await new InferenceClient(KEY).textToVideo(args);
  await expect
    .poll(() => handled)
    .toEqual([{ taskId: simulator.tasks()[0]?.id, videos: 1, metadata: { orderId: 42 } }]);
});
