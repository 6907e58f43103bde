// A server process: accepts webhooks, asks for results that none brings, and notes what it handled.
import { createReceiver, createTaskResultClient } from '@novita-webhooks/core';
import { novitaWebhooks } from '@novita-webhooks/express';
import express from 'express';
import { appendFileSync } from 'node:fs';

import { engines } from '../crash/engines/index.ts';
import { INBOX_OPTIONS, SECRET, type WorkerOptions } from './options.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as WorkerOptions;
const opened = await engines[options.engine]?.open(options.location, INBOX_OPTIONS);
if (opened === undefined) throw new Error(`unknown engine ${options.engine}`);
const receiver = createReceiver({
  ...{ url: options.url, secret: SECRET, inbox: opened.inbox, confirm: true, logger: false },
  taskResults: createTaskResultClient({
    ...{ apiKey: 'key', baseUrl: options.simulatorUrl, requestsPerSecond: 2000, concurrency: 20 },
  }),
});
receiver.onTaskFinished(({ task }) => {
  appendFileSync(options.handledFile, `${task.task_id}\n`); // is complete before the settle
});
const app = express();
app.post('/', novitaWebhooks(receiver));
app.listen(options.port, '127.0.0.1', () => process.send?.('listening'));
process.on('disconnect', () => process.exit(1));
