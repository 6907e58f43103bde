import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import { assets, createReceiver } from '@novita-webhooks/core';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import { novitaWebhooks } from '@novita-webhooks/koa';
import Koa from 'koa';

const { HOST = '127.0.0.1', PORT = '3000', PUBLIC_URL = `http://${HOST}:${PORT}` } = process.env;
const { NOVITA_BASE_URL = 'https://api.novita.ai', NOVITA_API_KEY = '' } = process.env;
const { WEBHOOKS_DB = 'webhooks.db' } = process.env;

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

const receiver = createReceiver({
  url: `${PUBLIC_URL}/webhooks/novita`,
  secret: process.env['NOVITA_WEBHOOK_SECRET'],
  inbox: sqliteInbox({ path: WEBHOOKS_DB }), // an event is on disk before it is answered
});

receiver.onTaskSucceeded((result, { taskId, metadata: { orderId } }) => {
  // Download the files here: their links expire after about an hour.
  console.log('order', orderId, 'is ready:', taskId, ...assets(result).map(({ url }) => url));
});
receiver.onTaskFailed(({ task }, { taskId, metadata: { orderId } }) => {
  console.log('order', orderId, 'has failed:', taskId, task.reason);
});

const router = new Router();
router.post('/webhooks/novita', novitaWebhooks(receiver));

router.post('/images', async (context) => {
  const { orderId, prompt } = context.request.body as { orderId: number; prompt: string };
  const submitted = await fetch(`${NOVITA_BASE_URL}/v3/async/txt2img`, {
    method: 'POST',
    headers: { authorization: `Bearer ${NOVITA_API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      extra: { webhook: await receiver.createCallback({ metadata: { orderId } }) },
      request: { ...sdxl, prompt },
    }),
  });
  if (!submitted.ok) throw new Error(`Novita: ${submitted.status} ${await submitted.text()}`);
  context.status = 202;
  context.body = await submitted.json();
});

const app = new Koa();
app.use(bodyParser());
app.use(router.routes());
app.use(router.allowedMethods());

const server = app.listen(Number(PORT), HOST, () => {
  console.log(`listening at http://${HOST}:${PORT}`);
});

process.once('SIGTERM', () => {
  server.close();
  void receiver.close(); // waits for the handlers that run
});
