// Runs a local Novita that delivers one event twice, and a server that accepts the deliveries. The
// server answers at once and writes each delivery to stdout as a line, which is the queue here.
import { createReceiver } from '@novita-webhooks/core';
import { createSimulator } from '@novita-webhooks/simulator';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

const front = createServer((request, response) => {
  void buffer(request).then((body) => {
    console.log(JSON.stringify({ url: request.url, body: body.toString('base64') }));
    response.end();
  });
});
front.listen(0, '127.0.0.1');
await once(front, 'listening');
const { port } = front.address() as AddressInfo;

const { createCallback } = createReceiver({
  url: `http://127.0.0.1:${port}`,
  secret: process.env['NOVITA_WEBHOOK_SECRET'],
});
const webhook = await createCallback({ metadata: { orderId: 42 } });

const simulator = await createSimulator();
await simulator.submit('txt2img', { extra: { webhook } }, { duplicates: 1 });
await simulator.idle();
await simulator.close();
front.close();
