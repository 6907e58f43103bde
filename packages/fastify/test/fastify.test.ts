import { createReceiver, type ReceiverOptions } from '@novita-webhooks/core';
import { createFakeInbox, sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { novitaWebhooks, toFastifyHandler } from '@novita-webhooks/fastify';
import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import { describe, expect, onTestFinished, test } from 'vitest';

import { PATH, versions } from './fastify-server.ts';

const event = JSON.stringify(sampleEvents.imageSucceeded({ taskId: 'one' }));
const headers = { 'content-type': 'application/json' };

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
  const signedPath = async () => PATH + new URL(await receiver.createCallbackUrl()).search;
  return { receiver, tasks, signedPath };
}

/** A promise that the test resolves. */
function deferred() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

describe.each(Object.entries(versions))('%s', (version, { fastify, rawBody }) => {
  function create(options: FastifyServerOptions = {}): FastifyInstance {
    const app: FastifyInstance = fastify(options);
    onTestFinished(() => app.close());
    return app;
  }

  test('receiver.handle as a handler is an error that says what to mount', async () => {
    const app = create();
    app.post(PATH, createSigned().receiver.handle as never);
    const reply = await app.inject({ method: 'POST', url: PATH, payload: event, headers });
    expect(reply.statusCode).toBe(500);
    expect(reply.json()).toMatchObject({
      message:
        'receiver: handle() was mounted as middleware, but it sends no reply. Mount app.register(novitaWebhooks, { path, receiver }).',
    });
  });

  test('the plugin answers app.inject with 200, 400, 401, 405, 413 and 415', async () => {
    const { receiver, tasks, signedPath } = createSigned({ limits: { maxBodyBytes: 1000 } });
    const app = create();
    await app.register(novitaWebhooks, { receiver, path: PATH });
    const url = await signedPath();
    const post = (payload: string, more: Record<string, string> = {}, to = url) =>
      app.inject({ method: 'POST', url: to, payload, headers: { ...headers, ...more } });
    const accepted = await post(event);
    expect([accepted.statusCode, accepted.json()]).toEqual([200, { status: 'accepted' }]);
    expect((await post(event, {}, PATH)).statusCode).toBe(401);
    expect((await post('{')).statusCode).toBe(400);
    expect((await post(' '.repeat(1001))).statusCode).toBe(413);
    expect((await post('x', { 'content-type': 'image/png' })).statusCode).toBe(415);
    expect((await app.inject({ method: 'GET', url })).statusCode).toBe(405);
    await expect.poll(() => tasks).toEqual(['one']);
  });

  test('the plugin creates a receiver from options, at the path below its prefix', async () => {
    const tasks: string[] = [];
    const app = create();
    await app.register(novitaWebhooks, {
      prefix: '/hooks',
      path: '/novita',
      logLevel: 'error',
      insecure: true,
      onTaskSucceeded: ({ task }) => tasks.push(task.task_id),
    });
    const reply = await app.inject({ method: 'POST', url: '/hooks/novita', payload: event });
    expect(reply.statusCode).toBe(200);
    await expect.poll(() => tasks).toEqual(['one']);
    expect((await app.inject({ method: 'POST', url: '/novita', payload: event })).statusCode).toBe(
      404,
    );
  });

  test('the plugin can be registered twice, at its prefix if it has no path', async () => {
    const app = create();
    for (const prefix of ['/a', '/b']) {
      await app.register(novitaWebhooks, { prefix, insecure: true, endpoint: prefix.slice(1) });
    }
    for (const url of ['/a', '/b']) {
      const reply = await app.inject({ method: 'POST', url, payload: event });
      expect([reply.statusCode, reply.json()]).toEqual([200, { status: 'accepted' }]);
    }
  });

  test('the plugin rejects invalid options when the app gets ready', async () => {
    const app = create();
    app.register(novitaWebhooks, { secret: 'short' }).then(undefined, () => undefined);
    await expect(app.ready()).rejects.toMatchObject({ code: 'invalid_option' });
  });

  test('the plugin logs to app.log unless `logger` is set', async () => {
    const lines: string[] = [];
    const stream = { write: (line: string) => void lines.push(line) };
    const app = create({ logger: { level: 'debug', stream } });
    await app.register(novitaWebhooks, { path: PATH, secret: TEST_SECRET });
    const ownLines: string[] = [];
    const keep = (_details: unknown, message: string) => void ownLines.push(message);
    const logger = { debug: keep, info: keep, warn: keep, error: keep };
    await app.register(novitaWebhooks, { path: '/other', secret: TEST_SECRET, logger });
    await app.inject({ method: 'POST', url: PATH, payload: event });
    expect(lines.join()).toMatch(/refused a delivery because of its token/);
    expect(ownLines).toEqual(['receiver: started']);
    lines.length = 0;
    await app.inject({ method: 'POST', url: '/other', payload: event });
    expect(lines.join()).not.toMatch(/refused a delivery because of its token/);
    expect(ownLines.join()).toMatch(/refused a delivery because of its token/);
  });

  test('the plugin writes no token to app.log', async () => {
    const lines: string[] = [];
    const { receiver, signedPath } = createSigned();
    const app = create({
      logger: { level: 'debug', stream: { write: (line: string) => void lines.push(line) } },
      disableRequestLogging: true,
    });
    await app.register(novitaWebhooks, { receiver, path: PATH });
    const url = await signedPath();
    await app.inject({ method: 'POST', url, payload: event });
    expect(lines.join()).not.toContain(url.split('token=')[1]);
  });

  test('the plugin starts the receiver when the app is ready, not before', async () => {
    const inbox = createFakeInbox();
    const first = createReceiver({ logger: false, insecure: true, inbox });
    await first.handle({ method: 'POST', url: '/', headers: {}, body: event });
    const tasks: string[] = [];
    const app = create();
    await app.register(novitaWebhooks, {
      path: PATH,
      insecure: true,
      inbox,
      onTaskSucceeded: ({ task }) => tasks.push(task.task_id),
    });
    expect((await inbox.stats()).pending).toBe(1);
    await app.ready();
    await expect.poll(() => tasks).toEqual(['one']);
  });

  test('the plugin answers 503 from preClose on; app.close() awaits handlers', async () => {
    const begun = deferred();
    const end = deferred();
    let ended = false;
    const closing = deferred();
    const goOn = deferred();
    const { receiver, signedPath } = createSigned({
      async onTaskFinished() {
        begun.resolve();
        await end.promise;
        ended = true;
      },
    });
    const app = create({ return503OnClosing: false, forceCloseConnections: true });
    await app.register(novitaWebhooks, { receiver, path: PATH });
    // A plugin registered later: its preClose hook runs after the one under test.
    await app.register(async (later) => {
      later.addHook('preClose', async () => {
        closing.resolve();
        await goOn.promise;
      });
    });
    onTestFinished(() => [goOn, end].forEach(({ resolve }) => resolve()));
    const url = (await app.listen({ host: '127.0.0.1', port: 0 })) + (await signedPath());
    const post = () => fetch(url, { method: 'POST', body: event });
    expect((await post()).status).toBe(200);
    await begun.promise;

    let closed = false;
    const whenClosed = app.close().then(() => (closed = true));
    await closing.promise;
    const late = await post();
    expect([late.status, await late.json()]).toMatchObject([503, { code: 'closing' }]);
    goOn.resolve();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([closed, ended]).toEqual([false, false]);
    end.resolve();
    await whenClosed;
    expect(ended).toBe(true);
  });

  test('closing under load, the inbox holds every event answered 200', async () => {
    const inbox = createFakeInbox();
    const { receiver, signedPath } = createSigned({ inbox });
    const app = create({ forceCloseConnections: true });
    await app.register(novitaWebhooks, { receiver, path: PATH });
    const url = (await app.listen({ host: '127.0.0.1', port: 0 })) + (await signedPath());
    const acknowledged: string[] = [];
    const deliveries = Array.from({ length: 100 }, async (_, index) => {
      const taskId = `task-${index}`;
      const body = JSON.stringify(sampleEvents.imageSucceeded({ taskId }));
      // A refused connection is as good as 503: Novita repeats the delivery.
      const reply = await fetch(url, { method: 'POST', body }).catch(() => undefined);
      if (reply?.status === 200) acknowledged.push(taskId);
      else expect([503, undefined]).toContain(reply?.status);
    });
    await Promise.race(deliveries);
    await app.close();
    await Promise.all(deliveries);
    expect(acknowledged.length).toBeGreaterThan(0);
    for (const taskId of acknowledged) {
      expect(await inbox.get({ endpoint: 'novita', taskId }), taskId).toBeDefined();
    }
  });

  test('the plugin keeps request.ip and protocol behind a trusted proxy', async () => {
    const { receiver, signedPath } = createSigned();
    const app = create({ trustProxy: true });
    const seen: unknown[] = [];
    app.addHook('onResponse', async ({ ip, protocol }) => void seen.push([ip, protocol]));
    await app.register(novitaWebhooks, { receiver, path: PATH });
    const forwarded = {
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-host': 'evil.example.com',
      'x-forwarded-proto': 'https',
    };
    const reply = await app.inject({
      method: 'POST',
      url: await signedPath(),
      payload: event,
      headers: { ...headers, ...forwarded },
    });
    expect(reply.statusCode).toBe(200);
    await expect.poll(() => seen).toEqual([['203.0.113.7', 'https']]);
  });

  describe('toFastifyHandler', () => {
    test('answers as the handler of a route, after Fastify has read the body', async () => {
      const { receiver, tasks, signedPath } = createSigned();
      receiver.start();
      const app = create();
      app.post(PATH, toFastifyHandler(receiver));
      const url = await signedPath();
      const post = (payload: string, type = 'application/json', to = url) =>
        app.inject({ method: 'POST', url: to, payload, headers: { 'content-type': type } });
      expect((await post(event)).statusCode).toBe(200);
      expect((await post(event, 'text/plain')).json()).toEqual({ status: 'duplicate' });
      expect((await post('{}')).statusCode).toBe(422);
      expect((await post(event, 'application/json', PATH)).statusCode).toBe(401);
      await expect.poll(() => tasks).toEqual(['one']);
    });

    // The latest fastify-raw-body for Fastify 4 requires Fastify 4.19.
    test.skipIf(version === 'Fastify 4.17')(
      'answers on a route with fastify-raw-body',
      async () => {
        const { receiver, tasks, signedPath } = createSigned();
        receiver.start();
        const app = create();
        await app.register(rawBody as never, { global: false, encoding: false });
        const handler = toFastifyHandler(receiver);
        app.post(PATH, { config: { rawBody: true } as never }, async (request, reply) => {
          expect((request as { rawBody?: unknown }).rawBody).toEqual(Buffer.from(event));
          await handler(request, reply);
        });
        const url = await signedPath();
        const reply = await app.inject({ method: 'POST', url, payload: event, headers });
        expect(reply.statusCode).toBe(200);
        await expect.poll(() => tasks).toEqual(['one']);
      },
    );
  });
});
