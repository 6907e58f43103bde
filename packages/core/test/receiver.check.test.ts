import { createServer } from 'node:http';
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

import { ENDPOINT, deferred, noop, setUp } from './helpers.ts';

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

/** A server at `/novita`; its receiver has the path `path` in its url. */
async function serve(path: string, options: Partial<ReceiverOptions> = {}): Promise<Receiver> {
  const server = createServer((request, response) => {
    const { url = '' } = request;
    if (url.startsWith('/novita')) void listener(request, response);
    else response.writeHead(404).end('not here');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}${path}`;
  const base = { url, secret: TEST_SECRET, logger: false as const, ...handlers };
  const receiver = createReceiver({ ...base, ...options });
  const mounted = options.endpoint === undefined ? receiver : createReceiver(base);
  const listener = toNodeHandler(mounted);
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
  ['another path', '/other', {}, /answered 404, by something else/],
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

test('check: finds that no server listens at url', async () => {
  const base = { url: 'http://127.0.0.1:1/novita', secret: TEST_SECRET, logger: false as const };
  expect((await createReceiver(base).check()).at(-1)).toMatchObject({ code: 'url_unreachable' });
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
