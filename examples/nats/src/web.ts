// The web process: accepts orders and events, and runs no handlers. Any number can run at the same time.
import { connect } from '@nats-io/transport-node';
import { createReceiver } from '@novita-webhooks/core';
import { novitaWebhooks } from '@novita-webhooks/express';
import express from 'express';

import { natsInbox } from './inbox/nats-inbox.ts';

const { HOST = '127.0.0.1', PORT = '3000', PUBLIC_URL = `http://${HOST}:${PORT}` } = process.env;
const { NOVITA_BASE_URL = 'https://api.novita.ai', NOVITA_API_KEY = '' } = process.env;
const { NATS_URL = 'nats://127.0.0.1:4222' } = process.env;

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

const connection = await connect({ servers: NATS_URL, maxReconnectAttempts: -1 });
const receiver = createReceiver({
  url: `${PUBLIC_URL}/webhooks/novita`,
  secret: process.env['NOVITA_WEBHOOK_SECRET'],
  inbox: natsInbox({ connection }),
  consume: false,
});

const app = express();
app.use(express.json());
app.post('/webhooks/novita', novitaWebhooks(receiver));

app.post('/images', async (request, response) => {
  const { orderId, prompt } = request.body as { orderId: number; prompt: string };
  const submitted = await fetch(`${NOVITA_BASE_URL}/v3/async/txt2img`, {
    method: 'POST',
    headers: { authorization: `Bearer ${NOVITA_API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      extra: { webhook: await receiver.createCallback({ metadata: { orderId } }) },
      request: { ...sdxl, prompt },
    }),
  });
  if (!submitted.ok) throw new Error(`Novita: ${submitted.status} ${await submitted.text()}`);
  response.status(202).json(await submitted.json());
});

const server = app.listen(Number(PORT), HOST, () => {
  console.log(`listening at http://${HOST}:${PORT}`);
});

process.once('SIGTERM', () => {
  server.close();
  void receiver.close().then(() => connection.close());
});
