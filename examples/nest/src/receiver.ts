import { assets, createReceiver, type Receiver } from '@novita-webhooks/core';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';

/** Name of the provider. */
export const RECEIVER = Symbol('receiver');

export function createAppReceiver(): Receiver {
  const { PORT = '3000', PUBLIC_URL = `http://127.0.0.1:${PORT}` } = process.env;
  const { WEBHOOKS_DB = 'webhooks.db' } = process.env;
  return createReceiver({
    url: `${PUBLIC_URL}/webhooks/novita`,
    secret: process.env['NOVITA_WEBHOOK_SECRET'],
    inbox: sqliteInbox({ path: WEBHOOKS_DB }), // an event is on disk before it is answered
    onTaskSucceeded(result, { taskId, metadata: { orderId } }) {
      // Download the files here: their links expire after about an hour.
      console.log('order', orderId, 'is ready:', taskId, ...assets(result).map(({ url }) => url));
    },
    onTaskFailed({ task }, { taskId, metadata: { orderId } }) {
      console.log('order', orderId, 'has failed:', taskId, task.reason);
    },
  });
}
