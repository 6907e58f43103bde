// Reads deliveries from stdin, one JSON object a line: `url` with the token, and the body in base64.
// Replace stdin with a queue whose messages can be acknowledged.
import { assets, createReceiver } from '@novita-webhooks/core';
import { createInterface } from 'node:readline';

interface Message {
  readonly url: string;
  readonly body: string;
}

const receiver = createReceiver({
  secret: process.env['NOVITA_WEBHOOK_SECRET'],
  ack: 'handled', // a message is acknowledged only after its handlers have succeeded
  limits: { replyTimeoutMs: 60_000 }, // longer than the 5 s of Novita, since only the queue waits
});

receiver.onTaskSucceeded((result, { taskId, metadata: { orderId } }) => {
  // Download the files here: their links expire after about an hour.
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
