import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import {
  createReceiver,
  toReceiver,
  type EntryQuery,
  type Receiver,
  type ReceiverOptions,
} from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import { createFakeInbox, sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import * as z from 'zod';

import { freePort } from '../../../test/support/program.ts';
import { ENDPOINT, deferred, noop, setUp, type Setup } from './helpers.ts';

const handlers = { onTaskSucceeded: noop, onTaskFailed: noop };

async function codesOf(options: Partial<ReceiverOptions>): Promise<string[]> {
  const base = { url: ENDPOINT, secret: TEST_SECRET, logger: false as const, ...handlers };
  const found = await createReceiver({ ...base, ...options }).check({ request: false });
  return found.map(({ level, code }) => `${level} ${code}`);
}

test.each<[string[], Partial<ReceiverOptions>]>([
  [['info inbox_not_durable'], {}],
  [['warn no_failure_handler', 'info inbox_not_durable'], { onTaskFailed: undefined }],
  [['warn no_success_handler', 'info inbox_not_durable'], { onTaskSucceeded: undefined }],
  [
    ['warn no_handlers', 'info inbox_not_durable'],
    { onTaskSucceeded: undefined, onTaskFailed: undefined },
  ],
  [['info inbox_not_durable', 'warn url_not_https'], { url: 'http://example.com/novita' }],
  [['info inbox_not_durable', 'info url_not_public'], { url: 'http://127.0.0.1:3000/novita' }],
  [['info inbox_not_durable', 'info url_missing'], { url: undefined }],
  [['info inbox_not_durable'], { ack: 'handled' }],
  [['info inbox_not_durable', 'warn reply_timeout_too_long'], { limits: { replyTimeoutMs: 5001 } }],
])('check: finds %j', async (codes, options) => {
  expect(await codesOf(options)).toEqual(codes);
});

test('check: finds an inbox that does not answer', async () => {
  const inbox = { ...createFakeInbox(), stats: () => Promise.reject(new Error('refused')) };
  const receiver = createReceiver({ url: ENDPOINT, secret: TEST_SECRET, inbox, logger: false });
  const found = await receiver.check({ request: false });
  expect(found.at(-1)).toMatchObject({
    level: 'error',
    code: 'inbox_unavailable',
    message: expect.stringContaining('refused') as unknown,
  });
});

test('check: the memory inbox in production is a warning, unless the reply waits for the handlers', async () => {
  vi.stubEnv('NODE_ENV', 'production');
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(await codesOf({})).toEqual(['warn inbox_not_durable']);
  expect(await codesOf({ ack: 'handled' })).toEqual(['info inbox_not_durable']);
});

/** Starts a server. Resolves to its address. */
async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}

function receiverAt(url: string, options: Partial<ReceiverOptions> = {}): Receiver {
  const base = { url, secret: TEST_SECRET, logger: false as const, ...handlers };
  const receiver = createReceiver({ ...base, ...options });
  onTestFinished(() => receiver.close());
  return receiver;
}

/** A server at `/novita`; its receiver has the path `path` in its url. */
async function serve(path: string, options: Partial<ReceiverOptions> = {}): Promise<Receiver> {
  let handle: RequestListener = noop;
  const origin = await listen((request, response) => {
    const { url = '' } = request;
    if (url.startsWith('/novita')) handle(request, response);
    else response.writeHead(404).end('not here');
  });
  const receiver = receiverAt(origin + path, options);
  const mounted = options.endpoint === undefined ? receiver : receiverAt(origin + path);
  const handler = toNodeHandler(mounted);
  handle = (request, response) => void handler(request, response);
  return receiver;
}

test('check: the request to url is answered by the receiver, and reaches no handler', async () => {
  const onOtherEvent = vi.fn();
  const receiver = await serve('/novita', { onOtherEvent });
  expect((await receiver.check()).filter(({ level }) => level === 'error')).toEqual([]);
  expect(onOtherEvent).not.toHaveBeenCalled();
  expect((await receiver.stats()).replies).toEqual({ ignored: 1 });
});

test('check: the request needs no metadata, although a schema requires some', async () => {
  const metadata = z.object({ orderId: z.number() });
  const receiver = await serve('/novita', { metadata });
  expect((await receiver.check()).filter(({ level }) => level === 'error')).toEqual([]);
});

test.each([
  ['another path', '/other', {}, /answered 404, but not by this receiver/],
  [
    'another endpoint',
    '/novita',
    { endpoint: 'other' },
    /answered 401, by a receiver with another/,
  ],
])('check: finds that url leads to %s', async (_, path, options, message) => {
  const receiver = await serve(path, options);
  expect((await receiver.check()).at(-1)).toMatchObject({
    code: 'url_answered_by_another',
    message: expect.stringMatching(message) as unknown,
  });
});

test('check: a reply of the receiver itself names its code and the line to move', async () => {
  const receivers: Receiver[] = [];
  const origin = await listen((request, response) => {
    const [receiver] = receivers;
    const handle = () => receiver && void toNodeHandler(receiver)(request, response);
    request.resume().on('end', handle); // a parser that keeps nothing
  });
  const receiver = receiverAt(`${origin}/novita`);
  receivers.push(receiver);
  expect((await receiver.check()).at(-1)).toEqual({
    level: 'error',
    code: 'url_refused',
    message: `a request to ${origin}/novita was answered 500 body_already_read by the receiver. Code before it, such as a body parser, read the body and kept nothing. Move the line that mounts the webhooks, such as app.post(path, novitaWebhooks(receiver)), above that code.`,
  });
});

test('check: a closed receiver answers that it is closed', async () => {
  const receiver = await serve('/novita');
  await receiver.close();
  expect((await receiver.check()).at(-1)).toMatchObject({
    code: 'url_refused',
    message: expect.stringMatching(/503 closing by the receiver\. This endpoint is/) as unknown,
  });
});

test.each<[number, string, RegExp, string?]>([
  [307, 'url_redirected', /307, a redirect elsewhere/, 'http://['],
  [308, 'url_redirected', /308, a redirect to http:\/\/127\.0\.0\.1:\d+\/there\. Use the final/],
  [
    404,
    'url_answered_by_another',
    /No route of the server takes POST \/novita: .* Mount them for POST/,
  ],
  [403, 'url_answered_by_another', /such as a login or a CSRF check/],
  [502, 'url_answered_by_another', /Read the log of the server/],
  [200, 'url_answered_by_another', /answered 200, but not by this receiver/],
])(
  'check: says what to do if url is answered %i',
  async (status, code, message, location = '/there?token=secret') => {
    const origin = await listen((_request, response) => {
      response.writeHead(status, { location }).end('{"code":"closing"}');
    });
    const found = (await receiverAt(`${origin}/novita`).check()).at(-1);
    expect(found).toMatchObject({ code, message: expect.stringMatching(message) as unknown });
    expect(found?.message).not.toContain('token');
  },
);

/** Resolves to the codes that `check()` finds about the address of a receiver that is mounted at `/hooks`. */
async function codesAt(origin: string): Promise<string[]> {
  const receiver = receiverAt(`${origin}/novita`);
  toReceiver(receiver, { path: '/hooks' });
  const found = await receiver.check();
  return found
    .filter(({ code }) => /^(path|url)_(?!not_public)/.test(code))
    .map(({ code }) => code);
}

test('check: a wrong path is one finding, which names both paths', async () => {
  const origin = await listen((_request, response) => void response.writeHead(404).end());
  expect(await codesAt(origin)).toEqual(['url_answered_by_another']);
  const receiver = receiverAt(`${origin}/novita`);
  toReceiver(receiver, { path: '/hooks' });
  expect((await receiver.check()).at(-1)?.message).toBe(
    `a request to ${origin}/novita was answered 404, but not by this receiver. The webhooks are mounted on /hooks, not on /novita. Make both the same.`,
  );
});

test('check: a path that a proxy rewrites is no finding, and one that nothing answers is', async () => {
  const receivers: Receiver[] = [];
  const origin = await listen((request, response) => {
    const [receiver] = receivers;
    if (receiver) void toNodeHandler(receiver)(request, response); // as behind a proxy
  });
  const receiver = receiverAt(`${origin}/novita`);
  receivers.push(receiver);
  toReceiver(receiver, { path: '/hooks' });
  expect((await receiver.check()).map(({ code }) => code)).not.toContain('path_differs');
  expect(await codesAt('http://127.0.0.1:1')).toEqual(['path_differs', 'url_unreachable']);
});

test('check: finds that url is not answered in time', async () => {
  const origin = await listen(noop);
  const found = (await receiverAt(`${origin}/novita`).check({ timeoutMs: 50 })).at(-1);
  expect(found).toMatchObject({
    code: 'url_not_answered',
    message: expect.stringMatching(/not answered in 50 ms.* neither answers/) as unknown,
  });
});

test('check: finds that no server listens at url', async () => {
  const receiver = receiverAt('http://127.0.0.1:1/novita');
  expect((await receiver.check()).at(-1)).toMatchObject({ code: 'url_unreachable' });
});

/** Mounts and starts a receiver in development, and lets a second pass. */
async function startInDevelopment(url: string, mount = {}): Promise<Setup> {
  vi.stubEnv('NODE_ENV', 'development');
  onTestFinished(() => void vi.unstubAllEnvs());
  const setup = setUp({ url, onTaskFinished: noop });
  onTestFinished(() => setup.receiver.close());
  toReceiver(setup.receiver, mount).start();
  await setup.clock.advance(1000);
  return setup;
}

test('start: in development, a wrong path is one line', async () => {
  const asked = deferred();
  const origin = await listen((_request, response) => {
    response.writeHead(404).end();
    response.on('close', () => asked.resolve());
  });
  const { receiver, log } = await startInDevelopment(`${origin}/novita`, { path: '/hooks' });
  await asked.promise;
  await receiver.check(); // its answer comes after that of the start
  expect(log.messages('warn')).toEqual([expect.stringMatching(/mounted on \/hooks/)]);
  expect(log.messages('error')).toEqual([]);
});

test('start: in development, a local url that leads elsewhere is an error', async () => {
  const agents: unknown[] = [];
  const origin = await listen((request, response) => {
    agents.push(request.headers['user-agent']);
    response.writeHead(404).end();
  });
  const { log } = await startInDevelopment(`${origin}/novita`);
  const expected = [expect.stringMatching(/^receiver: a request to .*\/novita was answered 404/)];
  await expect.poll(() => log.messages('error')).toEqual(expected);
  expect(agents).toEqual(['novita-webhooks-check']);
  // A program that creates a receiver for each request must not answer each probe with another one.
  const again = await startInDevelopment(`${origin}/novita`);
  await again.receiver.check();
  expect(agents).toHaveLength(2);
  expect(again.log.messages('error')).toEqual([]);
});

test('start: in development, a local url that still refuses after some seconds is an error', async () => {
  const url = `http://127.0.0.1:${await freePort()}/novita`;
  const { clock, log } = await startInDevelopment(url);
  const startedAt = clock.now();
  const errors = async () => {
    await clock.advance(1000);
    return log.messages('error');
  };
  const expected = /^receiver: a request to .* failed .*ECONNREFUSED.*compare url with/;
  await expect.poll(errors, { interval: 1 }).toEqual([expect.stringMatching(expected)]);
  expect(clock.now() - startedAt).toBeGreaterThanOrEqual(10_000);
});

test('start: a receiver that is closed within a second sends no request', async () => {
  vi.stubEnv('NODE_ENV', 'development');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { receiver, clock } = setUp({ url: 'http://localhost:1/novita', onTaskFinished: noop });
  toNodeHandler(receiver);
  await receiver.close();
  expect(clock.timers()).toBe(0);
});

test.each([
  ['production', 'http://127.0.0.1:1/novita'],
  ['test', 'http://127.0.0.1:1/novita'],
  ['development', 'http://example.com/novita'],
])('start: in %s, no request to %s is planned', async (environment, url) => {
  vi.stubEnv('NODE_ENV', environment);
  onTestFinished(() => void vi.unstubAllEnvs());
  const { receiver, clock } = setUp({ url });
  const before = clock.timers();
  toNodeHandler(receiver);
  expect(clock.timers()).toBe(before);
  await receiver.close();
});

test('toReceiver: warns of a mounted path that differs from that of url', async () => {
  const { receiver, log } = setUp();
  toReceiver(receiver, { path: '/webhooks/' });
  expect(log.messages('warn')).toEqual([
    expect.stringMatching(/^receiver: .*mounted on \/webhooks\//),
  ]);
  expect((await receiver.check({ request: false })).map(({ code }) => code)).toContain(
    'path_differs',
  );
  const same = setUp();
  toReceiver(same.receiver, { path: '/novita/' });
  expect(same.log.messages('warn')).toEqual([]);
});

test.each<[string, (receiver: Receiver) => void]>([
  ['started', (receiver) => receiver.start()],
  ['mounted', (receiver) => void toReceiver(receiver)],
  ['given a handler', (receiver) => receiver.onTaskFailed(noop)],
])('receiver: warns if it is %s after it was closed, and does not start', async (_, use) => {
  const { receiver, log } = setUp();
  await receiver.close();
  use(receiver);
  await Promise.resolve();
  expect(log.messages('warn')).toEqual([expect.stringMatching(/^receiver: used after close/)]);
  expect(log.messages('info')).toEqual([]);
});

test('idle: waits for a running handler, and names it after its timeout', async () => {
  const gate = deferred();
  const { receiver, deliver } = setUp({ onTaskSucceeded: () => gate.promise });
  receiver.start();
  await deliver(sampleEvents.imageSucceeded({ taskId: 'task-1' }));
  await expect(receiver.idle({ timeoutMs: 1 })).rejects.toMatchObject({
    code: 'idle_timeout',
    message: 'idle: after 1 ms still waiting for 1 running entry (task-1).',
  });
  gate.resolve();
  await receiver.idle({ timeoutMs: 10_000 });
  expect((await receiver.inbox.stats()).done).toBe(1);
});

test('idle: sees an entry that a worker claims between two readings', async () => {
  const gate = deferred();
  const inbox = createFakeInbox();
  const { receiver, deliver } = setUp({ inbox, onTaskSucceeded: () => gate.promise });
  receiver.start();
  await deliver(sampleEvents.imageSucceeded({ taskId: 'task-1' }));
  const { list } = inbox;
  // Every list of one state alone misses it: it was in the other one at that moment.
  const isMissed = (states: readonly string[] = []) => states.length === 1;
  Object.assign(receiver.inbox, {
    list: async (query: EntryQuery) =>
      isMissed(query.states) ? { ...(await list(query)), entries: [] } : list(query),
  });
  await expect(receiver.idle({ timeoutMs: 1 })).rejects.toMatchObject({ code: 'idle_timeout' });
  gate.resolve();
});

const HOUR_MS = 3_600_000;

test('idle: waits for a due entry after the clock was set back', async () => {
  const gate = deferred();
  const options = { onTaskSucceeded: () => gate.promise, handlers: { concurrency: 1 } };
  const { receiver, deliver, clock } = setUp(options);
  receiver.start();
  await deliver(sampleEvents.imageSucceeded({ taskId: 'task-1' }));
  await deliver(sampleEvents.imageSucceeded({ taskId: 'task-2' }));
  clock.jump(-HOUR_MS);
  await expect(receiver.idle({ timeoutMs: 1 })).rejects.toMatchObject({
    message: expect.stringContaining('1 due entry (task-2)') as unknown,
  });
  gate.resolve();
});

test('idle: does not wait for a later attempt after the clock was set forward', async () => {
  const fail = () => Promise.reject(new Error('not yet'));
  const { receiver, settle, clock } = setUp({ onTaskSucceeded: fail });
  receiver.start();
  await settle(sampleEvents.imageSucceeded());
  await expect.poll(async () => (await receiver.inbox.stats()).pending).toBe(1);
  clock.jump(HOUR_MS);
  await receiver.idle({ timeoutMs: 10_000 });
});
