// The worker: runs the handlers, without a server and without a secret. Any number can run at a time.
import { connect } from '@nats-io/transport-node';
import { assets, createReceiver } from '@novita-webhooks/core';

import { natsInbox } from './inbox/nats-inbox.ts';

const { NATS_URL = 'nats://127.0.0.1:4222' } = process.env;

const connection = await connect({ servers: NATS_URL, maxReconnectAttempts: -1 });
const worker = createReceiver({
  inbox: natsInbox({ connection }),
});

worker.onTaskSucceeded((result, { taskId, metadata: { orderId } }) => {
  // Download the files here: their links expire after about an hour.
  console.log('order', orderId, 'is ready:', taskId, ...assets(result).map(({ url }) => url));
});
worker.onTaskFailed(({ task }, { taskId, metadata: { orderId } }) => {
  console.log('order', orderId, 'has failed:', taskId, task.reason);
});

worker.start();
console.log('working');

process.once('SIGTERM', () => {
  void worker.close().then(() => connection.close()); // waits for the handlers that run
});
