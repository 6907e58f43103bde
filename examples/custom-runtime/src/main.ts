// Deliveries as lines on stdin, one JSON object each: `url` with the token, and the body's bytes
// in base64. As they would come out of any queue whose messages can be acknowledged.
import { assets, createReceiver } from '@novita-webhooks/core';
import { createInterface } from 'node:readline';

interface Message {
  readonly url: string;
  readonly body: string;
}

const receiver = createReceiver({
  secret: process.env['NOVITA_WEBHOOK_SECRET'],
  ack: 'handled', // the queue keeps a message until its handlers have succeeded
  limits: { replyTimeoutMs: 60_000 }, // and nobody but the queue waits for them
  logger: console,
});

receiver.onTaskSucceeded((result, { taskId, metadata: { orderId } }) => {
  // The place to keep the files: their links die after about an hour.
  console.log('order', orderId, 'is ready:', taskId, ...assets(result).map(({ url }) => url));
});
receiver.onTaskFailed(({ task }, { taskId, metadata: { orderId } }) => {
  console.log('order', orderId, 'has failed:', taskId, task.reason);
});

const messages = createInterface({ input: process.stdin });
process.once('SIGTERM', () => messages.close());
console.log('listening on stdin');

for await (const line of messages) {
  const { url, body } = JSON.parse(line) as Message;
  const bytes = Buffer.from(body, 'base64');
  const reply = await receiver.handle({ method: 'POST', url, headers: {}, body: bytes });
  console.log(reply.status === 200 ? 'acknowledge:' : 'redeliver:', reply.body);
}
await receiver.close();
