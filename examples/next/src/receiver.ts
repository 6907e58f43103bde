import { assets, createReceiver, type Receiver } from '@novita-webhooks/core';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';

/** Next.js bundles routes and instrumentation apart, each with its own copy of this module. */
const shared = globalThis as typeof globalThis & { receiver?: Receiver };

/**
 * One receiver for all routes. `next build` loads this module too: then nothing is created and no
 * secret is needed.
 */
export const getReceiver = (): Receiver => (shared.receiver ??= create());

/** Events of an earlier run are handled from now on. */
export function startReceiver(): void {
  const receiver = getReceiver();
  receiver.start();
  process.once('SIGTERM', () => void receiver.close()); // waits for the handlers that run
}

function create(): Receiver {
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
