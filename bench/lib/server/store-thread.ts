// The store in a worker thread: its commits block this thread, not the event loop of the server.
import { sqliteStore } from '@novita-webhooks/inbox-sqlite';
import { parentPort, workerData } from 'node:worker_threads';

import { batched } from './batched.ts';
import { openFullSync } from './open-full-sync.ts';
import type { Call, Method, Return } from './thread-protocol.ts';

type Methods = Readonly<Record<Method, (...args: readonly unknown[]) => Promise<unknown>>>;

const port = parentPort;
if (port === null) throw new Error('store-thread: this must run in a worker thread');
const methods = sqliteStore({ database: openFullSync(workerData as string) }) as unknown as Methods;
const send = batched<Return>((returns) => port.postMessage(returns));

port.on('message', (calls: readonly Call[]) => {
  for (const { id, method, args } of calls) {
    methods[method](...args).then(
      (value) => send({ id, value }),
      (error: unknown) => send({ id, error }),
    );
  }
});
port.postMessage('ready');
