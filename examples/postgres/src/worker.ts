// Handles the events that web processes have accepted. Run any number of these processes: none has a server.
import { assets, createReceiver } from '@novita-webhooks/core';

import { inbox, pool } from './inbox.ts';

// The lock is necessary: two concurrent CREATE TABLE IF NOT EXISTS can fail with a duplicate key.
await pool.query(`
  SELECT pg_advisory_xact_lock(hashtext('example_orders'));
  CREATE TABLE IF NOT EXISTS example_orders (order_id bigint, task_id text, image_url text)`);

const worker = createReceiver({ inbox });

worker.onTaskSucceeded(async (result, { taskId, metadata: { orderId }, transaction }) => {
  const [image] = assets(result);
  // The row commits together with the record of the handler's success: exactly once.
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
  void worker.close().then(() => pool.end()); // waits for running handlers
});
