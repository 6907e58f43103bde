// Handles what the web processes have taken. As many of these as you like, on any machine; no server.
import { assets, createReceiver } from '@novita-webhooks/core';

import { inbox, pool } from './inbox.ts';

// One after the other: of two workers that start together, IF NOT EXISTS alone would let one fail.
await pool.query(`
  SELECT pg_advisory_xact_lock(hashtext('example_orders'));
  CREATE TABLE IF NOT EXISTS example_orders (order_id bigint, task_id text, image_url text)`);

const worker = createReceiver({ inbox, logger: console });

worker.onTaskSucceeded(async (result, { taskId, metadata: { orderId }, transaction }) => {
  const [image] = assets(result);
  // Commits together with the handler's success: exactly once, whatever dies when.
  await transaction(async (client) => {
    const row = [orderId, taskId, image?.url];
    await client.query('INSERT INTO example_orders VALUES ($1, $2, $3)', row);
  });
  console.log('order', orderId, 'is ready:', taskId, image?.url);
});
worker.onTaskFailed(({ task }, { taskId, metadata: { orderId } }) => {
  console.log('order', orderId, 'has failed:', taskId, task.reason);
});

worker.start();
console.log('working');

process.once('SIGTERM', () => {
  void worker.close().then(() => pool.end()); // handlers that run may come to an end
});
