// The server under load. It runs in a child process and replies to the requests of its parent.
import { createReceiver, type Receiver } from '@novita-webhooks/core';
import { setImmediate, setTimeout } from 'node:timers/promises';

import { replyToParent } from '../child.ts';
import { createInbox } from './create-inbox.ts';
import { listen, WEBHOOK_PATH, type Listening } from './listen.ts';
import { monitorEventLoop } from './event-loop.ts';
import type { ServerOptions, ServerReply, ServerRequest } from './protocol.ts';

interface Running {
  readonly receiver: Receiver;
  readonly server: Listening;
  readonly url: string;
}

const SECRET = 'a secret for the benchmark, long enough';

/** How long `drain` waits for the handlers. */
const DRAIN_TIMEOUT_MS = 120_000;

/** How long requests can still arrive after the load process has closed its connections. */
const LATE_REQUESTS_MS = 200;

let running: Running | undefined;
let handled = 0;
let eventLoop = monitorEventLoop();

async function start({ framework, inbox, location, concurrency }: ServerOptions): Promise<Running> {
  const receiver = createReceiver({
    url: `http://127.0.0.1${WEBHOOK_PATH}`,
    secret: SECRET,
    inbox: await createInbox(inbox, location),
    handlers: { concurrency },
    logger: { debug: ignore, info: ignore, warn: ignore, error: console.error },
  });
  receiver.onTaskSucceeded(async () => {
    await setImmediate();
    handled += 1;
  });
  const server = await listen(framework, receiver);
  const callback = await receiver.createCallback({ metadata: { orderId: 42, tenant: 'acme' } });
  const url = callback.url.replace('127.0.0.1', `127.0.0.1:${server.port}`);
  return { receiver, server, url };
}

function ignore(): void {
  // Only errors matter here.
}

async function countEntries({
  receiver,
}: Running): Promise<Pick<ServerReply, 'unfinished' | 'done'>> {
  const { pending, running, dead, done } = await receiver.inbox.stats();
  return { unfinished: pending + running + dead, done };
}

async function drain(server: Running): Promise<void> {
  const deadline = performance.now() + DRAIN_TIMEOUT_MS;
  while (performance.now() < deadline && (await countEntries(server)).unfinished > 0)
    await setTimeout(5);
}

async function toReply(server: Running): Promise<ServerReply> {
  return { url: server.url, handled, ...(await countEntries(server)), eventLoop: eventLoop.read() };
}

/** Handles requests whose connection was closed at the end of the last round before it stops. */
async function stop(server: Running): Promise<ServerReply> {
  await setTimeout(LATE_REQUESTS_MS);
  await drain(server);
  const reply = await toReply(server);
  await server.server.close(); // with Fastify, this closes the receiver too
  await server.receiver.close();
  return reply;
}

replyToParent(async (request: ServerRequest): Promise<ServerReply> => {
  if (request.type === 'start') running = await start(request.options);
  if (running === undefined) throw new Error('server-process: the first request must be `start`');
  if (request.type === 'drain') await drain(running);
  if (request.type === 'watch') {
    eventLoop.stop();
    eventLoop = monitorEventLoop();
  }
  if (request.type === 'stop') return stop(running);
  return toReply(running);
});
