// Runs a worker whose handler takes 100 to 700 ms, and prints when each run begins and ends.
import { connect } from '@nats-io/transport-node';
import { createReceiver } from '@novita-webhooks/core';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

import { natsInbox } from '../src/inbox/nats-inbox.ts';

const { NATS_URL = '', LEASE_MS = '' } = process.env;

const connection = await connect({
  servers: NATS_URL,
  maxReconnectAttempts: -1,
  reconnectTimeWait: 100,
});
const worker = createReceiver({
  inbox: natsInbox({ connection, leaseDurationMs: Number(LEASE_MS), pollIntervalMs: 100 }),
});

worker.onTaskSucceeded(async (_, { taskId, signal }) => {
  const print = (what: string) => console.log('RUN', what, taskId, Date.now());
  print('begin');
  await Promise.race([pause(100 + Math.random() * 600), once(signal, 'abort')]);
  print(signal.aborted ? 'aborted' : 'end');
});

worker.start();
console.log('working');

process.once('SIGTERM', () => {
  void worker.close().then(() => connection.close());
});
