// The whole store in a thread: commits may wait for the disk here, nobody else waits for them.
import { sqliteStore } from '@novita-webhooks/inbox-sqlite';
import { parentPort, workerData } from 'node:worker_threads';

import { batched } from './batched.ts';
import { openFull } from './open-full-sync.ts';
import type { Call, Method, Return } from './thread-protocol.ts';

type Methods = Readonly<Record<Method, (...args: readonly unknown[]) => Promise<unknown>>>;

const port = parentPort;
if (port === null) throw new Error('this runs in a thread only');
const methods = sqliteStore({ database: openFull(workerData as string) }) as unknown as Methods;
const give = batched<Return>((returns) => port.postMessage(returns));

port.on('message', (calls: readonly Call[]) => {
  for (const { id, method, args } of calls) {
    methods[method](...args).then(
      (value) => give({ id, value }),
      (error: unknown) => give({ id, error }),
    );
  }
});
port.postMessage('ready');
