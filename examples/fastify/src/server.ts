import { assets, createReceiver } from '@novita-webhooks/core';
import { novitaWebhooks } from '@novita-webhooks/fastify';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import fastify from 'fastify';

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

const app = fastify({ logger: true });

const receiver = createReceiver({
  url: `${PUBLIC_URL}/webhooks/novita`,
  secret: process.env['NOVITA_WEBHOOK_SECRET'],
  inbox: sqliteInbox({ path: WEBHOOKS_DB }), // an event is on disk before it is answered
  logger: app.log,
});

receiver.onTaskSucceeded((result, { metadata: { orderId }, log }) => {
  // Download the files here: their links expire after about an hour.
  log.info({ orderId, urls: assets(result).map(({ url }) => url) }, 'order is ready');
});
receiver.onTaskFailed(({ task: { reason } }, { metadata: { orderId }, log }) => {
  log.warn({ orderId, reason }, 'order has failed');
});

await app.register(novitaWebhooks, { receiver, path: '/webhooks/novita' });

const body = {
  type: 'object',
  required: ['orderId', 'prompt'],
  properties: { orderId: { type: 'integer' }, prompt: { type: 'string' } },
};

app.post<{ Body: { orderId: number; prompt: string } }>(
  '/images',
  { schema: { body } },
  async (request, reply) => {
    const { orderId, prompt } = request.body;
    const submitted = await fetch(`${NOVITA_BASE_URL}/v3/async/txt2img`, {
      method: 'POST',
      headers: { authorization: `Bearer ${NOVITA_API_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        extra: { webhook: await receiver.createCallback({ metadata: { orderId } }) },
        request: { ...sdxl, prompt },
      }),
    });
    if (!submitted.ok) throw new Error(`Novita: ${submitted.status} ${await submitted.text()}`);
    return reply.code(202).send(await submitted.json());
  },
);

process.once('SIGTERM', () => void app.close()); // also closes the receiver
await app.listen({ host: HOST, port: Number(PORT) });
