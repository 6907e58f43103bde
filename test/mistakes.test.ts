// Makes each mistake of docs/troubleshooting.md on purpose, and looks for its line on the console.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  createReceiver,
  memoryInbox,
  PermanentError,
  type EntryKey,
  type EntryQuery,
  type Receiver,
  type ReceiverOptions,
} from '@novita-webhooks/core';
import { novitaWebhooks as onExpress } from '@novita-webhooks/express';
import { novitaWebhooks as onFastify } from '@novita-webhooks/fastify';
import { bullmqInbox } from '@novita-webhooks/inbox-bullmq';
import { postgresInbox } from '@novita-webhooks/inbox-postgres';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import { novitaWebhooks as onKoa } from '@novita-webhooks/koa';
import {
  createManualClock,
  sampleEvents,
  signedDelivery,
  TEST_SECRET,
} from '@novita-webhooks/testing';
import express, { type RequestHandler } from 'express';
import fastify, { type FastifyPluginAsync } from 'fastify';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';

const printed: string[] = [];
const print = (text: unknown) =>
  void printed.push(
    ...String(text)
      .replace(/http:\/\/127\.0\.0\.1:\d+/g, 'http://127.0.0.1:3000')
      .split('\n'),
  );
for (const method of ['info', 'warn', 'error'] as const) {
  vi.spyOn(console, method).mockImplementation(print);
}
vi.stubEnv('NODE_ENV', 'development'); // a test run has no warnings at the start, and Express no errors
beforeEach(() => void printed.splice(0));

const URL_OF_APP = 'https://example.com/webhooks/novita';
const noop = () => undefined;
const event = sampleEvents.imageSucceeded({ taskId: 'task-1' });

function receiverOf(options: Partial<ReceiverOptions> = {}): Receiver {
  const receiver = createReceiver({ url: URL_OF_APP, secret: TEST_SECRET, ...options });
  onTestFinished(() => receiver.close());
  return receiver;
}

/** Starts a receiver, and waits for its first line. */
async function started(options: Partial<ReceiverOptions>): Promise<Receiver> {
  const receiver = receiverOf(options);
  receiver.start();
  await Promise.resolve();
  return receiver;
}

/** Delivers an event, and waits for its handlers. */
async function deliver(receiver: Receiver, mintedBy = receiver, body: unknown = event) {
  await receiver.handle(await signedDelivery(mintedBy, body));
  await receiver.idle();
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'novita-webhooks-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** What JavaScript lets pass, and TypeScript does not. */
const call = <T>(work: (...args: never[]) => T, ...args: unknown[]) => work(...(args as never[]));

/** Resolves to the address of the server. */
async function listen(app: ReturnType<typeof express>): Promise<string> {
  const server = app.listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}/webhooks/novita`;
}

async function postTo(app: ReturnType<typeof express>): Promise<void> {
  await fetch(await listen(app), { method: 'POST', body: '{}' });
}

const handleWith = (handle: () => unknown) => async () => {
  const receiver = await started({ onTaskFailed: noop, retry: { delay: () => 60_000 } });
  receiver.onTaskSucceeded({ handlerName: 'save-image' }, handle);
  await deliver(receiver);
};

/** By the heading in the document. */
const mistakes: Readonly<Record<string, () => unknown>> = {
  'The secret is not set': () => createReceiver({ secret: process.env['NOT_SET'] }),
  'A worker has no inbox': () => createReceiver({ onTaskFinished: noop }),
  'The secret is short': () => createReceiver({ secret: 'changeme' }),
  'The URL has no scheme': () => receiverOf({ url: 'example.com/webhooks/novita' }),
  'The URL has a user and a password': () =>
    receiverOf({ url: 'https://user:password@example.com/webhooks/novita' }),
  'An option is misspelled': () => call(createReceiver, { secret: TEST_SECRET, name: 'images' }),
  'The inbox has no options': () => call(sqliteInbox),
  'PostgreSQL gets an address instead of a pool': () =>
    call(postgresInbox, 'postgres://127.0.0.1/app'),
  'BullMQ gets no connection': () => bullmqInbox({} as never),
  'Express gets the function, not its result': () =>
    postTo(express().post('/webhooks/novita', onExpress as unknown as RequestHandler)),
  'A framework gets receiver.handle': () =>
    postTo(express().post('/webhooks/novita', receiverOf().handle as unknown as RequestHandler)),
  'Koa gets a path without a slash': () => onKoa(receiverOf(), { path: 'webhooks/novita' }),
  "Fastify's plugin gets no path": () => fastify().register(onFastify, { receiver: receiverOf() }),
  "Fastify's plugin is called": () =>
    fastify().register(call(onFastify, receiverOf()) as unknown as FastifyPluginAsync),
  'The path differs from that of url': () => onKoa(receiverOf(), { path: '/hooks' }),
  'No handler is registered': () => started({}),
  'Failed tasks have no handler': () => started({ onTaskSucceeded: noop }),
  'The URL is not encrypted': () =>
    started({ url: 'http://example.com/novita', onTaskFinished: noop }),
  'The reply may take longer than Novita waits': () =>
    started({ limits: { replyTimeoutMs: 9000 }, onTaskFinished: noop }),
  'Any sender is accepted': () =>
    started({ insecure: true, secret: undefined, onTaskFinished: noop }),
  'The URL has no token': () =>
    receiverOf().handle({ method: 'POST', url: '/webhooks/novita', headers: {}, body: '{}' }),
  'The secret differs from that of the process that submits': () =>
    deliver(receiverOf(), receiverOf({ secret: `${TEST_SECRET}x` })),
  'The endpoint differs from that of the process that submits': () =>
    deliver(receiverOf(), receiverOf({ endpoint: 'images' })),
  'A parser consumed the body': async () => {
    const app = express();
    app.use((request, _response, next) => void request.resume().on('end', next));
    await postTo(
      app.post('/webhooks/novita', onExpress(receiverOf({ secret: undefined, insecure: true }))),
    );
  },
  'A promise is not awaited': () =>
    JSON.stringify({ extra: { webhook: receiverOf().createCallback() } }),
  'The inbox function is not called': () =>
    call(createReceiver, { secret: TEST_SECRET, inbox: memoryInbox }),
  'A filter names an unknown medium': () =>
    receiverOf().onTaskSucceeded({ media: 'image' as 'images' }, noop),
  'Express has the webhooks on another path': async () => {
    const app = express();
    const clock = createManualClock();
    const receiver = receiverOf({ url: await listen(app), onTaskFinished: noop, clock });
    app.post('/webhook', onExpress(receiver));
    await clock.advance(1000);
  },
  'A receiver is created for each request': () => {
    for (let count = 1; count <= 10; count += 1) onExpress(receiverOf({ onTaskFinished: noop }));
  },
  'Handlers are registered for each request': () => {
    const receiver = receiverOf();
    for (let count = 1; count <= 50; count += 1) receiver.onTaskSucceeded(() => noop());
  },
  'One function is registered twice': () =>
    receiverOf({ onTaskSucceeded: noop }).onTaskSucceeded(noop),
  'A parser of forms changed the body': async () => {
    const app = express().use(express.urlencoded({ extended: true }));
    const receiver = receiverOf({ url: await listen(app), onTaskFinished: noop });
    app.post('/webhooks/novita', onExpress(receiver));
    const body = new URLSearchParams({ payload: '{}' });
    await fetch(await receiver.createCallbackUrl(), { method: 'POST', body });
  },
  'A worker is not started': async () => {
    const clock = createManualClock();
    receiverOf({ onTaskFinished: noop, clock });
    await clock.advance(5000);
  },
  'A worker has the memory inbox': async () => {
    const clock = createManualClock();
    await started({ onTaskFinished: noop, clock });
    await clock.advance(5000);
  },
  'A process died while a handler ran': async () => {
    const path = join(await temporaryFolder(), 'webhooks.db');
    const open = () => receiverOf({ inbox: sqliteInbox({ path }) });
    const [stopped, next] = [open(), open()];
    await new Promise<void>((begun) => {
      const ended = new Promise<void>((end) => onTestFinished(() => end()));
      stopped.onTaskFinished(() => (begun(), ended));
      stopped.start();
      void signedDelivery(stopped, event).then(stopped.handle);
    });
    next.onTaskFinished(noop);
    next.start();
  },
  'A handler fails': handleWith(() => {
    throw new Error('the bucket is missing');
  }),
  'A handler gives up': handleWith(() => {
    throw new PermanentError('order 42 does not exist');
  }),
  'No handler wants a result': async () => {
    const receiver = await started({ onTaskFailed: noop });
    receiver.onTaskSucceeded({ taskType: 'TXT_TO_VIDEO' }, noop);
    await deliver(receiver);
  },
  'The folder of the SQLite file does not exist': () =>
    deliver(receiverOf({ inbox: sqliteInbox({ path: '/no-such-folder/webhooks.db' }) })),
  'A replay names no endpoint': () => memoryInbox().replay({ taskId: 'task-1' } as EntryKey),
  'A list asks for an unknown state': () =>
    memoryInbox().list({ states: ['failed'] } as unknown as EntryQuery),
  'The receiver is used after it was closed': async () => {
    const receiver = receiverOf();
    await receiver.close();
    receiver.start();
  },
};

const document = readFileSync(new URL('../docs/troubleshooting.md', import.meta.url), 'utf8');
const entries = [...document.matchAll(/^### (.+)\n\n```text\n(.+)\n```$/gm)];

test.each(entries.map(([, heading = '', line = '']) => [heading, line]))(
  '%s',
  async (heading, line) => {
    try {
      await mistakes[heading]?.();
    } catch (error) {
      print(error); // as Node does
    }
    // The driver of SQLite completes the line that ends with an ellipsis.
    const [expected = line, rest] = line.split(/…$/);
    const isThere = (text: string) =>
      rest === undefined ? text === expected : text.startsWith(expected);
    const find = (lines: readonly string[]) => lines.some((text) => isThere(text.trim()));
    // Express prints an error after its reply.
    await expect.poll(() => printed, { message: line }).toSatisfy(find);
  },
);

test('every mistake is in the document', () => {
  const headings = entries.map(([, heading]) => heading);
  expect(headings.toSorted()).toEqual(Object.keys(mistakes).toSorted());
});
