// The server under load, in a process of its own. Does what its parent asks.
import { createReceiver, type Receiver } from '@novita-webhooks/core';
import { setImmediate, setTimeout } from 'node:timers/promises';

import { answerParent } from '../child.ts';
import { createInbox } from './create-inbox.ts';
import { listen, PATH, type Listening } from './listen.ts';
import { watchLoop } from './event-loop.ts';
import type { ServerAnswer, ServerOptions, ServerQuestion } from './protocol.ts';

interface Running {
  readonly receiver: Receiver;
  readonly server: Listening;
  readonly url: string;
}

const SECRET = 'of-no-use-to-anybody-but-this-benchmark';

/** How long everything may take to be handled, in milliseconds. */
const DRAIN_MS = 120_000;

/** Long enough for what was on its way when the last connection was cut, in milliseconds. */
const SETTLE_DOWN_MS = 200;

let running: Running | undefined;
let handled = 0;
let loop = watchLoop();

async function start({ framework, subject, path, concurrency }: ServerOptions): Promise<Running> {
  const receiver = createReceiver({
    url: `http://127.0.0.1${PATH}`,
    secret: SECRET,
    inbox: await createInbox(subject, path),
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
  // Debugging and information are not of interest here.
}

async function countEntries({ receiver }: Running): Promise<Pick<ServerAnswer, 'open' | 'done'>> {
  const { pending, running, dead, done } = await receiver.inbox.stats();
  return { open: pending + running + dead, done };
}

async function drain(server: Running): Promise<void> {
  const deadline = performance.now() + DRAIN_MS;
  while (performance.now() < deadline && (await countEntries(server)).open > 0) await setTimeout(5);
}

async function toAnswer(server: Running): Promise<ServerAnswer> {
  return { url: server.url, handled, ...(await countEntries(server)), loop: loop.read() };
}

/** Requests that were cut off may have come in all the same: they are handled before the end. */
async function stop(server: Running): Promise<ServerAnswer> {
  await setTimeout(SETTLE_DOWN_MS);
  await drain(server);
  const answer = await toAnswer(server);
  await server.server.close(); // Fastify's closes the receiver, too
  await server.receiver.close();
  return answer;
}

answerParent(async (question: ServerQuestion): Promise<ServerAnswer> => {
  if (question.type === 'start') running = await start(question.options);
  if (running === undefined) throw new Error('the server was not started');
  if (question.type === 'drain') await drain(running);
  if (question.type === 'watch') {
    loop.end();
    loop = watchLoop();
  }
  if (question.type === 'stop') return stop(running);
  return toAnswer(running);
});
