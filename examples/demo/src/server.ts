import { assets, createReceiver, exponentialBackoff, type Receiver } from '@novita-webhooks/core';
import type { HandlerContext, TaskResult } from '@novita-webhooks/core';
import { novitaWebhooks } from '@novita-webhooks/express';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import express from 'express';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import type { Temper } from './tasks.ts';

/** What the handlers saw of one task. */
export interface Sighting {
  runs: number;
  successes: number;
  runningNow: number;
  mostAtATime: number;
  metadata: unknown;
  files: number;
}

export interface DemoServer {
  readonly receiver: Receiver;
  /** By task id. */
  readonly sightings: Map<string, Sighting>;
  /** Task ids. */
  readonly deadLetters: string[];
  /** Deliveries that never reached the middleware: the server was "down". */
  outages(): number;
  close(): Promise<void>;
}

export const ATTEMPTS = 4;

/**
 * The server of somebody who uses the library, with a handler that has its moods.
 *
 * @param path where events are kept until they are handled
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
    retry: { maxAttempts: ATTEMPTS, delay: exponentialBackoff({ initialMs: 100, factor: 2 }) },
  });
  const sightings = new Map<string, Sighting>();
  const deadLetters: string[] = [];
  receiver.onTaskFinished((result, context) => handle(result, context, sightings));
  receiver.onDeadLetter(({ taskId }) => deadLetters.push(taskId));

  let posts = 0;
  let outages = 0;
  app.use((_request, response, next) => {
    posts += 1;
    if (posts % 20 !== 0) return next();
    outages += 1;
    return response.sendStatus(502); // a proxy in front has a bad moment: Novita must try again
  });
  app.use(express.json()); // mounted first, as in most apps
  app.post('/webhooks/novita', novitaWebhooks(receiver));

  return {
    receiver,
    sightings,
    deadLetters,
    outages: () => outages,
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
  sightings: Map<string, Sighting>,
): Promise<void> {
  const seen = sightings.get(taskId) ?? newSighting();
  sightings.set(taskId, seen);
  seen.runs += 1;
  seen.runningNow += 1;
  seen.mostAtATime = Math.max(seen.mostAtATime, seen.runningNow);
  seen.metadata = metadata;
  try {
    const files = await Promise.all(assets(result).map(({ url }) => download(url, signal)));
    const temper = metadata['temper'] as Temper | undefined;
    if (temper === 'never succeeds') throw new Error('this handler never succeeds');
    if (temper === 'fails twice' && seen.runs <= 2) throw new Error('this handler fails twice');
    seen.successes += 1;
    seen.files = files.length;
  } finally {
    seen.runningNow -= 1;
  }
}

async function download(url: string, signal: AbortSignal): Promise<ArrayBuffer> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`download failed with ${response.status}`);
  return response.arrayBuffer();
}

function newSighting(): Sighting {
  return { runs: 0, successes: 0, runningNow: 0, mostAtATime: 0, metadata: null, files: 0 };
}
