// Handles what the web processes have taken. As many of these as you like, on any machine; no server.
import { assets, createReceiver } from '@novita-webhooks/core';

import { inbox } from './inbox.ts';

const worker = createReceiver({ inbox });

worker.onTaskSucceeded((result, { taskId, metadata: { orderId } }) => {
  // The place to keep the files: their links die after about an hour.
  console.log('order', orderId, 'is ready:', taskId, ...assets(result).map(({ url }) => url));
});
worker.onTaskFailed(({ task }, { taskId, metadata: { orderId } }) => {
  console.log('order', orderId, 'has failed:', taskId, task.reason);
});

worker.start();
console.log('working');

process.once('SIGTERM', () => {
  void worker.close(); // handlers that run may come to an end
});
