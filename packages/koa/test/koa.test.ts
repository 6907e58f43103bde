import Router from '@koa/router';
import { createReceiver, type ReceiverOptions } from '@novita-webhooks/core';
import { createFakeInbox, sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { novitaWebhooks } from '@novita-webhooks/koa';
import type Koa from 'koa';
import mount from 'koa-mount';
import { describe, expect, onTestFinished, test } from 'vitest';

import { PATH, serveApp, versions } from './koa-server.ts';

const event = JSON.stringify(sampleEvents.imageSucceeded({ taskId: 'one' }));

function createSigned(options: Partial<ReceiverOptions> = {}) {
  const tasks: string[] = [];
  const receiver = createReceiver({
    logger: false,
    url: `https://hooks.example.com${PATH}`,
    secret: TEST_SECRET,
    onTaskFinished: ({ task }) => tasks.push(task.task_id),
    ...options,
  });
  onTestFinished(() => receiver.close({ gracePeriodMs: 0 }));
  const query = async () => new URL(await receiver.createCallbackUrl()).search;
  return { receiver, tasks, query };
}

async function listen(app: Koa): Promise<string> {
  const { url, close } = await serveApp(app);
  onTestFinished(close);
  return url.replace(PATH, '');
}

test.each([
  [{ pth: PATH }, /^koa: pth is unknown\. Known: path$/],
  [{ path: 1 }, /path '1' must begin with a slash/],
  ['/webhooks', /^koa: options must be a plain object/],
  [null, /^koa: options must be a plain object/],
])('a second argument of %j is an error', (second, message) => {
  const { receiver } = createSigned();
  expect(() => novitaWebhooks(receiver, second as object)).toThrow(message);
});

test('a path among the options of the receiver is an error that says where it belongs', () => {
  const options = { secret: TEST_SECRET, path: PATH };
  expect(() => novitaWebhooks(options)).toThrow(/path is no option of a receiver.*Mount it as/);
});

describe.each(Object.entries(versions))('%s', (_version, KoaOfVersion) => {
  test('receiver.handle in the place of the middleware is an error that says what to mount', async () => {
    const { receiver } = createSigned();
    const app = new KoaOfVersion();
    const errors: string[] = [];
    app.on('error', ({ message }: Error) => errors.push(message));
    app.use(receiver.handle as unknown as Koa.Middleware);
    const url = await listen(app);
    expect((await fetch(url, { method: 'POST', body: event })).status).toBe(500);
    expect(errors).toEqual([
      'receiver: handle() was mounted as middleware, but it sends no reply. Mount router.post(path, novitaWebhooks(receiver)).',
    ]);
  });

  test('novitaWebhooks creates a receiver from options and exposes it', async () => {
    const tasks: string[] = [];
    const middleware = novitaWebhooks({
      logger: false,
      url: 'https://hooks.example.com',
      secret: TEST_SECRET,
      onTaskSucceeded: ({ task }) => tasks.push(task.task_id),
    });
    onTestFinished(() => middleware.receiver.close());
    const origin = await listen(new KoaOfVersion().use(middleware));
    const { search } = new URL(await middleware.receiver.createCallbackUrl());
    expect((await fetch(origin + search, { method: 'POST', body: event })).status).toBe(200);
    await expect.poll(() => tasks).toEqual(['one']);
  });

  test.each([PATH, `${PATH}/`])(
    'with the path %s, answers it with and without a trailing slash',
    async (path) => {
      const { receiver, tasks, query } = createSigned();
      const app = new KoaOfVersion();
      app.use(novitaWebhooks(receiver, { path }));
      app.use((context) => {
        context.status = 418;
      });
      const origin = await listen(app);
      for (const taken of [PATH, `${PATH}/`]) {
        const url = origin + taken + (await query());
        expect((await fetch(url, { method: 'POST', body: event })).status).toBe(200);
      }
      for (const other of [
        '',
        '/',
        '/webhooks',
        `${PATH}x`,
        `${PATH}/x`,
        `/x${PATH}`,
        `${PATH}//`,
      ]) {
        const url = origin + other + (await query());
        expect((await fetch(url, { method: 'POST', body: event })).status, other).toBe(418);
      }
      await expect.poll(() => tasks).toEqual(['one']);
    },
  );

  test('with the path /, answers the root only', async () => {
    const { receiver, query } = createSigned();
    const origin = await listen(new KoaOfVersion().use(novitaWebhooks(receiver, { path: '/' })));
    const url = `${origin}/${await query()}`;
    expect((await fetch(url, { method: 'POST', body: event })).status).toBe(200);
    expect((await fetch(`${origin}/other`, { method: 'POST', body: event })).status).toBe(404);
  });

  test('answers on a nested router and under koa-mount', async () => {
    const { receiver, query } = createSigned();
    const inner = new Router();
    inner.post('/novita', novitaWebhooks(receiver));
    const outer = new Router({ prefix: '/webhooks' });
    outer.use(inner.routes());
    const app = new KoaOfVersion();
    app.use(mount('/mounted', novitaWebhooks(receiver, { path: '/novita' })));
    app.use(outer.routes());
    const origin = await listen(app);
    for (const path of ['/webhooks/novita', '/mounted/novita']) {
      const url = origin + path + (await query());
      expect((await fetch(url, { method: 'POST', body: event })).status).toBe(200);
    }
  });

  test('novitaWebhooks throws for invalid options', () => {
    expect(() => novitaWebhooks({ logger: false, secret: 'short' })).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });

  test('novitaWebhooks starts the receiver: entries in the inbox are processed', async () => {
    const inbox = createFakeInbox();
    const first = createReceiver({ logger: false, insecure: true, inbox });
    await first.handle({ method: 'POST', url: '/', headers: {}, body: event });
    const tasks: string[] = [];
    const { receiver } = novitaWebhooks({
      logger: false,
      insecure: true,
      inbox,
      onTaskSucceeded: ({ task }) => tasks.push(task.task_id),
    });
    onTestFinished(() => receiver.close());
    await expect.poll(() => tasks).toEqual(['one']);
  });

  test('the middleware throws already_replied if the request was answered', async () => {
    const { receiver, query } = createSigned();
    const app = new KoaOfVersion();
    const errors: unknown[] = [];
    app.on('error', (error) => errors.push(error));
    app.use(async (context, next) => {
      context.res.end('already');
      await next();
    });
    app.use(novitaWebhooks(receiver));
    const origin = await listen(app);
    const reply = await fetch(origin + (await query()), { method: 'POST', body: event });
    expect(await reply.text()).toBe('already');
    await expect.poll(() => errors).toMatchObject([{ code: 'already_replied' }]);
  });

  test('outer middleware sees the status and can add headers', async () => {
    const { receiver, query } = createSigned();
    const app = new KoaOfVersion();
    const errors: unknown[] = [];
    const seen: unknown[] = [];
    app.on('error', (error) => errors.push(error));
    app.use(async (context, next) => {
      await next();
      seen.push(context.status);
      context.set('x-seen-by', 'middleware');
    });
    app.use(novitaWebhooks(receiver));
    const origin = await listen(app);
    const good = await fetch(origin + (await query()), { method: 'POST', body: event });
    expect([good.status, await good.json()]).toEqual([200, { status: 'accepted' }]);
    expect((await fetch(origin, { method: 'POST', body: event })).status).toBe(401);
    expect(seen).toEqual([200, 401]);
    expect(errors).toEqual([]);
  });
});
