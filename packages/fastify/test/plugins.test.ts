import accepts from '@fastify/accepts';
import caching from '@fastify/caching';
import compress from '@fastify/compress';
import cookie from '@fastify/cookie';
import cors from '@fastify/cors';
import etag from '@fastify/etag';
import formbody from '@fastify/formbody';
import helmet from '@fastify/helmet';
import multipart from '@fastify/multipart';
import rateLimit from '@fastify/rate-limit';
import sensible from '@fastify/sensible';
import session from '@fastify/session';
import underPressure from '@fastify/under-pressure';
import { createReceiver } from '@novita-webhooks/core';
import { sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { novitaWebhooks } from '@novita-webhooks/fastify';
import fastify from 'fastify';
import { expect, onTestFinished, test } from 'vitest';

import { PATH } from './fastify-server.ts';

/** Starts an app with thirteen plugins, and the webhooks registered before or after them. */
async function serve(registered: 'first' | 'last', max = 1000) {
  const tasks: string[] = [];
  const receiver = createReceiver({
    logger: false,
    url: 'https://hooks.example.com',
    secret: TEST_SECRET,
    limits: { maxBodyBytes: 10_000 },
    onTaskFinished: ({ task }) => tasks.push(task.task_id),
  });
  const app = fastify({ logger: false });
  onTestFinished(() => app.close());
  const mount = () => app.register(novitaWebhooks, { receiver, path: PATH });
  if (registered === 'first') await mount();
  await app.register(helmet);
  await app.register(cors, { origin: 'https://app.example.com', credentials: true });
  await app.register(compress, { global: true, threshold: 0 });
  await app.register(rateLimit, { max, timeWindow: 60_000 });
  await app.register(cookie);
  await app.register(session, {
    secret: TEST_SECRET,
    cookie: { secure: false },
    saveUninitialized: true,
  });
  await app.register(formbody);
  await app.register(multipart, { attachFieldsToBody: true });
  await app.register(sensible);
  await app.register(underPressure, { maxEventLoopDelay: 60_000 });
  await app.register(etag);
  await app.register(accepts);
  await app.register(caching);
  app.post('/other', async ({ body }) => body);
  if (registered === 'last') await mount();
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  const signed = async () => origin + PATH + new URL(await receiver.createCallbackUrl()).search;
  return { origin, signed, tasks };
}

const event = JSON.stringify(sampleEvents.imageSucceeded({ taskId: 'one' }));
const post = (url: string, body: string | FormData, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    body,
    headers: { origin: 'https://app.example.com', 'accept-encoding': 'gzip, br', ...headers },
  });

test.each(['first', 'last'] as const)(
  'with other plugins (registered %s), replies and handling are unchanged',
  async (registered) => {
    const { signed, origin, tasks } = await serve(registered);
    const url = await signed();
    const answers: unknown[] = [];
    for (const [to, body] of [
      [url, event],
      [url, event],
      [url, '{'],
      [url, '{}'],
      [url, ' '.repeat(10_001)],
      [origin + PATH, event],
    ] as const) {
      const reply = await post(to, body, { 'content-type': 'application/json' });
      const { status, code } = (await reply.json()) as { status: unknown; code?: string };
      answers.push([reply.status, code ?? status]);
    }
    expect(answers).toEqual([
      [200, 'accepted'],
      [200, 'duplicate'],
      [400, 'invalid_json'],
      [422, 'missing_event_type'],
      [413, 'body_too_large'],
      [401, 'unauthorized'],
    ]);
    const form = new FormData();
    form.set('a', '1');
    expect((await post(url, form)).status).toBe(415);
    const asForm = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await post(url, event, asForm)).status).toBe(200);
    expect((await fetch(url)).status).toBe(405);
    await expect.poll(() => tasks).toEqual(['one']);
  },
);

test('replies have the headers that other plugins set in onRequest', async () => {
  const { signed, origin } = await serve('last');
  for (const [url, status] of [
    [await signed(), 200],
    [origin + PATH, 401],
  ] as const) {
    const reply = await post(url, event, { 'content-type': 'application/json' });
    expect(reply.status).toBe(status);
    expect(reply.headers.get('x-content-type-options')).toBe('nosniff'); // helmet
    expect(reply.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect(reply.headers.get('x-ratelimit-limit')).toBe('1000');
    expect(reply.headers.get('content-type')).toMatch(/json/);
  }
});

test('a rate limit counts deliveries and answers 429', async () => {
  const { signed, tasks } = await serve('last', 2);
  const url = await signed();
  const statuses: number[] = [];
  for (let count = 0; count < 3; count += 1) statuses.push((await post(url, event)).status);
  expect(statuses).toEqual([200, 200, 429]);
  await expect.poll(() => tasks).toEqual(['one']);
});

test('the CORS plugin answers a preflight request', async () => {
  const { signed } = await serve('last');
  const reply = await fetch(await signed(), {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example.com', 'access-control-request-method': 'POST' },
  });
  expect(reply.status).toBe(204);
});

test('other routes use the other plugins', async () => {
  const { origin } = await serve('first');
  const asForm = { 'content-type': 'application/x-www-form-urlencoded' };
  const reply = await post(`${origin}/other`, 'a=1', asForm);
  expect([reply.status, await reply.json()]).toEqual([200, { a: '1' }]);
  expect(reply.headers.get('content-encoding')).toBe('br');
  expect(reply.headers.get('etag')).toMatch(/./);
});
