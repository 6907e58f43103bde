import { bodyParser } from '@koa/bodyparser';
import cors from '@koa/cors';
import Router from '@koa/router';
import { createReceiver } from '@novita-webhooks/core';
import { sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { novitaWebhooks } from '@novita-webhooks/koa';
import Koa, { type Middleware } from 'koa';
import { koaBody } from 'koa-body';
import oldBodyParser from 'koa-bodyparser';
import compress from 'koa-compress';
import conditionalGet from 'koa-conditional-get';
import etag from 'koa-etag';
import helmet from 'koa-helmet';
import logger from 'koa-logger';
import ratelimit from 'koa-ratelimit';
import responseTime from 'koa-response-time';
import session from 'koa-session';
import { expect, onTestFinished, test } from 'vitest';

import { PATH, serveApp } from './koa-server.ts';

const bodyParsers = {
  '@koa/bodyparser': bodyParser(),
  'koa-bodyparser': oldBodyParser() as unknown as Middleware,
  'koa-body': koaBody({ multipart: true }) as unknown as Middleware,
};

/** Starts an app with eleven other middlewares, and the webhooks on a router after them. */
async function serve(parser: keyof typeof bodyParsers, max = 1000) {
  const tasks: string[] = [];
  const errors: unknown[] = [];
  const logged: string[] = [];
  const receiver = createReceiver({
    logger: false,
    url: 'https://hooks.example.com',
    secret: TEST_SECRET,
    limits: { maxBodyBytes: 10_000 },
    onTaskFinished: ({ task }) => tasks.push(task.task_id),
  });
  onTestFinished(() => receiver.close({ gracePeriodMs: 0 }));
  const app = new Koa();
  app.on('error', (error) => errors.push(error));
  app.keys = [TEST_SECRET];
  app.use(logger((line) => void logged.push(line)));
  app.use(responseTime());
  app.use(conditionalGet());
  app.use(etag());
  app.use(compress({ threshold: 0 }));
  app.use(helmet());
  app.use(cors({ origin: 'https://app.example.com', credentials: true }));
  app.use(ratelimit({ driver: 'memory', db: new Map(), duration: 60_000, max }));
  app.use(session({ autoCommit: true }, app));
  app.use(async (context, next) => {
    const { session: own } = context as unknown as { session: { visits?: number } };
    own.visits = (own.visits ?? 0) + 1;
    await next();
  });
  app.use(bodyParsers[parser]);
  const router = new Router();
  router.all(PATH, novitaWebhooks(receiver));
  router.post('/other', (context) => {
    context.body = { received: (context.request as { body?: unknown }).body };
  });
  app.use(router.routes()).use(router.allowedMethods());
  const { url, close } = await serveApp(app);
  onTestFinished(close);
  const signed = async () => url + new URL(await receiver.createCallbackUrl()).search;
  return { url, origin: url.replace(PATH, ''), signed, tasks, errors, logged };
}

const event = JSON.stringify(sampleEvents.imageSucceeded({ taskId: 'one' }));
const json = { 'content-type': 'application/json' };
const post = (url: string, body: string | FormData, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    body,
    headers: { origin: 'https://app.example.com', 'accept-encoding': 'gzip, br', ...headers },
  });

test.each(Object.keys(bodyParsers) as (keyof typeof bodyParsers)[])(
  'with other middleware, after %s, replies and handling are unchanged',
  async (parser) => {
    const { signed, url, tasks, errors } = await serve(parser);
    const to = await signed();
    const answers: unknown[] = [];
    for (const [where, body] of [
      [to, event],
      [to, event],
      [to, '{}'],
      [to, JSON.stringify({ event_type: 'x'.repeat(10_000) })],
      [url, event],
    ] as const) {
      const reply = await post(where, body, json);
      const { status, code } = (await reply.json()) as { status: unknown; code?: string };
      answers.push([reply.status, code ?? status]);
    }
    expect(answers).toEqual([
      [200, 'accepted'],
      [200, 'duplicate'],
      [422, 'missing_event_type'],
      [413, 'body_too_large'],
      [401, 'unauthorized'],
    ]);
    const form = new FormData();
    form.set('a', '1');
    expect((await post(to, form)).status).toBe(415);
    expect((await post(to, event, { 'content-type': 'text/plain' })).status).toBe(200);
    expect((await fetch(to)).status).toBe(405);
    await expect.poll(() => tasks).toEqual(['one']);
    expect(errors).toEqual([]);
  },
);

test('replies have the headers that other middleware sets', async () => {
  const { signed, url } = await serve('@koa/bodyparser');
  for (const [to, status] of [
    [await signed(), 200],
    [url, 401],
  ] as const) {
    const reply = await post(to, event, json);
    expect(reply.status).toBe(status);
    expect(reply.headers.get('x-content-type-options')).toBe('nosniff'); // helmet
    expect(reply.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect(reply.headers.get('x-ratelimit-limit')).toBe('1000');
    expect(reply.headers.get('x-response-time')).toMatch(/ms$/);
    expect(reply.headers.get('set-cookie')).toMatch(/koa\.sess/);
    expect(reply.headers.get('content-type')).toMatch(/json/);
    await reply.json();
  }
});

test('a rate limit counts deliveries and answers 429', async () => {
  const { signed, tasks } = await serve('@koa/bodyparser', 2);
  const url = await signed();
  const statuses: number[] = [];
  for (let count = 0; count < 3; count += 1) {
    const reply = await post(url, event, json);
    await reply.text();
    statuses.push(reply.status);
  }
  expect(statuses).toEqual([200, 200, 429]);
  await expect.poll(() => tasks).toEqual(['one']);
});

test('the request log has the status of the reply', async () => {
  const { signed, url, logged } = await serve('@koa/bodyparser');
  await (await post(await signed(), event, json)).text();
  await (await post(url, event, json)).text();
  await expect
    .poll(() => logged.filter((line) => line.includes('-->')))
    .toEqual([expect.stringMatching(/200/), expect.stringMatching(/401/)]);
});

test('other routes use the other middleware', async () => {
  const { origin, errors } = await serve('@koa/bodyparser');
  const reply = await post(`${origin}/other`, '{"a":1}', json);
  expect([reply.status, await reply.json()]).toEqual([200, { received: { a: 1 } }]);
  expect(reply.headers.get('content-encoding')).toBe('br');
  expect(reply.headers.get('set-cookie')).toMatch(/koa\.sess/);
  expect(reply.headers.get('x-response-time')).toMatch(/ms/);
  const get = await fetch(`${origin}/other`);
  expect(get.status).toBe(405);
  expect(errors).toEqual([]);
});
