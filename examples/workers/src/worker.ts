import {
  assets,
  createReceiver,
  memoryInbox,
  toFetchHandler,
  type FetchHandler,
  type Receiver,
} from '@novita-webhooks/core';

/** The variables and secrets of the Worker. */
export interface Env {
  readonly NOVITA_WEBHOOK_SECRET: string;
  readonly NOVITA_API_KEY?: string;
  readonly NOVITA_BASE_URL: string;
  readonly PUBLIC_URL: string;
}

interface Context {
  waitUntil(work: Promise<unknown>): void;
}

const sdxl = {
  model_name: 'sd_xl_base_1.0.safetensors',
  negative_prompt: 'blurry',
  sampler_name: 'Euler a',
  width: 1024,
  height: 1024,
  image_num: 1,
  steps: 20,
  seed: -1,
  guidance_scale: 7.5,
};

/** The requests of an isolate share one receiver. The first of them brings the secret. */
let shared: { readonly receiver: Receiver; readonly webhooks: FetchHandler } | undefined;

function share({ NOVITA_WEBHOOK_SECRET: secret, PUBLIC_URL }: Env) {
  const receiver = createReceiver({
    url: `${PUBLIC_URL}/webhooks/novita`,
    secret,
    inbox: memoryInbox({ maxBytes: 32 * 1024 * 1024 }), // an isolate has 128 MB
    onTaskSucceeded(result, { taskId, metadata: { orderId } }) {
      // Copy the files to R2 here: their links expire after about an hour.
      console.log('order', orderId, 'is ready:', taskId, ...assets(result).map(({ url }) => url));
    },
    onTaskFailed({ task }, { taskId, metadata: { orderId } }) {
      console.log('order', orderId, 'has failed:', taskId, task.reason);
    },
  });
  return { receiver, webhooks: toFetchHandler(receiver) };
}

/** Submits a task to Novita, with a callback URL for the task. */
async function submit(request: Request, env: Env, receiver: Receiver): Promise<Response> {
  const { orderId, prompt } = (await request.json()) as { orderId: number; prompt: string };
  const submitted = await fetch(`${env.NOVITA_BASE_URL}/v3/async/txt2img`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${env.NOVITA_API_KEY ?? ''}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      extra: { webhook: await receiver.createCallback({ metadata: { orderId } }) },
      request: { ...sdxl, prompt },
    }),
  });
  if (!submitted.ok) return Response.json({ novita: submitted.status }, { status: 502 });
  return Response.json(await submitted.json(), { status: 202 });
}

export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    const { receiver, webhooks } = (shared ??= share(env));
    const { pathname } = new URL(request.url);
    // With the context, handlers that are slower than the reply can end after it.
    if (pathname === '/webhooks/novita') return webhooks(request, context);
    if (pathname === '/images') return submit(request, env, receiver);
    return new Response('not found', { status: 404 });
  },
};
