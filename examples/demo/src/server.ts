import { assets, createReceiver, exponentialBackoff, type Receiver } from '@novita-webhooks/core';
import type { HandlerContext, TaskResult } from '@novita-webhooks/core';
import { novitaWebhooks } from '@novita-webhooks/express';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import express from 'express';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import type { HandlerBehaviour } from './tasks.ts';

/** What the handler recorded for one task. */
export interface HandlerRecord {
  runs: number;
  successes: number;
  runningNow: number;
  maxParallelRuns: number;
  metadata: unknown;
  files: number;
}

export interface DemoServer {
  readonly receiver: Receiver;
  /** By task id. */
  readonly records: Map<string, HandlerRecord>;
  /** Task ids. */
  readonly deadLetters: string[];
  close(): Promise<void>;
}

export const MAX_ATTEMPTS = 4;

/**
 * Starts an Express server with a receiver, and a handler that fails for some tasks.
 *
 * @param path the file of the inbox
 */
export async function startServer(path: string): Promise<DemoServer> {
  const app = express();
  const listener = app.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;

  const receiver = createReceiver({
    url: `http://127.0.0.1:${port}/webhooks/novita`,
    secret: randomBytes(32).toString('hex'),
    inbox: sqliteInbox({ path }),
    retry: {
      maxAttempts: MAX_ATTEMPTS,
      delay: exponentialBackoff({ initialMs: 100, factor: 2 }),
    },
  });
  const records = new Map<string, HandlerRecord>();
  const deadLetters: string[] = [];
  receiver.onTaskFinished((result, context) => handle(result, context, records));
  receiver.onDeadLetter(({ taskId }) => deadLetters.push(taskId));

  let posts = 0;
  app.use((_request, response, next) => {
    posts += 1;
    if (posts % 20 !== 0) return next();
    return response.sendStatus(502); // simulates an outage behind a proxy: Novita must retry
  });
  app.use(express.json()); // mounted first, as in most apps
  app.post('/webhooks/novita', novitaWebhooks(receiver));

  return {
    receiver,
    records,
    deadLetters,
    async close() {
      await receiver.close();
      listener.close();
      listener.closeAllConnections();
    },
  };
}

async function handle(
  result: TaskResult,
  { taskId, metadata, signal }: HandlerContext,
  records: Map<string, HandlerRecord>,
): Promise<void> {
  const record = records.get(taskId) ?? newRecord();
  records.set(taskId, record);
  record.runs += 1;
  record.runningNow += 1;
  record.maxParallelRuns = Math.max(record.maxParallelRuns, record.runningNow);
  record.metadata = metadata;
  try {
    const files = await Promise.all(assets(result).map(({ url }) => download(url, signal)));
    const behaviour = metadata['behaviour'] as HandlerBehaviour | undefined;
    if (behaviour === 'always fails') throw new Error('this handler always fails');
    if (behaviour === 'fails twice' && record.runs <= 2) {
      throw new Error('this handler fails twice');
    }
    record.successes += 1;
    record.files = files.length;
  } finally {
    record.runningNow -= 1;
  }
}

async function download(url: string, signal: AbortSignal): Promise<ArrayBuffer> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`the download failed with status ${response.status}`);
  return response.arrayBuffer();
}

function newRecord(): HandlerRecord {
  return { runs: 0, successes: 0, runningNow: 0, maxParallelRuns: 0, metadata: null, files: 0 };
}
