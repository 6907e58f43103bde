import { assets, createReceiver, toLambdaHandler } from '@novita-webhooks/core';
import type { LambdaEvent, LambdaResult } from '@novita-webhooks/core';

const { PORT = '3000', PUBLIC_URL = `http://127.0.0.1:${PORT}` } = process.env;
const { NOVITA_BASE_URL = 'https://api.novita.ai', NOVITA_API_KEY = '' } = process.env;

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

// Outside of the functions: all invocations of an instance share one receiver.
const receiver = createReceiver({
  url: `${PUBLIC_URL}/webhooks/novita`,
  secret: process.env['NOVITA_WEBHOOK_SECRET'],
});

receiver.onTaskSucceeded((result, { taskId, metadata: { orderId } }) => {
  // Download the files here: their links expire after about an hour.
  console.log('order', orderId, 'is ready:', taskId, ...assets(result).map(({ url }) => url));
});
receiver.onTaskFailed(({ task }, { taskId, metadata: { orderId } }) => {
  console.log('order', orderId, 'has failed:', taskId, task.reason);
});

/** Handles `POST /webhooks/novita`. */
export const webhooks = toLambdaHandler(receiver);

/** Handles `POST /images`: submits a task to Novita. */
export async function images({ body, isBase64Encoded }: LambdaEvent): Promise<LambdaResult> {
  const text = Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8').toString();
  const { orderId, prompt } = JSON.parse(text) as { orderId: number; prompt: string };
  const submitted = await fetch(`${NOVITA_BASE_URL}/v3/async/txt2img`, {
    method: 'POST',
    headers: { authorization: `Bearer ${NOVITA_API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      extra: { webhook: await receiver.createCallback({ metadata: { orderId } }) },
      request: { ...sdxl, prompt },
    }),
  });
  const answer = await submitted.text();
  if (!submitted.ok) console.error(`Novita: ${submitted.status} ${answer}`);
  return {
    statusCode: submitted.ok ? 202 : 502,
    headers: { 'content-type': 'application/json' },
    body: answer,
    isBase64Encoded: false,
  };
}
