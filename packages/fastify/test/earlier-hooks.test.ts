import compress from '@fastify/compress';
import middie from '@fastify/middie';
import swagger from '@fastify/swagger';
import { createReceiver } from '@novita-webhooks/core';
import { novitaWebhooks, toFastifyHandler } from '@novita-webhooks/fastify';
import { sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import express from 'express';
import fastify, { type FastifyInstance } from 'fastify';
import { PassThrough, Transform } from 'node:stream';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';

const PATH = '/webhooks/novita';
const EVENT = JSON.stringify(sampleEvents.imageSucceeded());
const JSON_TYPE = { 'content-type': 'application/json' };

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function serve(
  prepare: (app: FastifyInstance) => unknown,
  { maxBodyBytes = 10_000, mount = 'plugin' }: { maxBodyBytes?: number; mount?: string } = {},
) {
  const receiver = createReceiver({
    logger: false,
    url: 'https://hooks.example.com',
    secret: TEST_SECRET,
    limits: { maxBodyBytes },
    onTaskFinished: () => undefined,
  });
  const app = fastify();
  closers.push(() => app.close());
  await prepare(app);
  if (mount === 'plugin') await app.register(novitaWebhooks, { receiver, path: PATH });
  else app.post(PATH, { preParsing: toFastifyHandler(receiver) }, () => undefined);
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  const search = new URL(await receiver.createCallbackUrl()).search;
  const post = async (body: string | Uint8Array, headers: Record<string, string> = JSON_TYPE) => {
    const reply = await fetch(origin + PATH + search, {
      method: 'POST',
      body: body as never,
      headers,
    });
    const { code, status } = (await reply.json()) as { code?: string; status: unknown };
    return [reply.status, code ?? status];
  };
  return { app, origin, post };
}

describe('a body that Express middleware parsed (@fastify/middie)', () => {
  test.each([
    ['json', express.json()],
    ['raw', express.raw({ type: () => true })],
    ['text', express.text({ type: () => true })],
  ])('express.%s: the event is accepted', async (_, parser) => {
    const { post } = await serve(async (app) => {
      await app.register(middie);
      app.use(parser);
    });
    expect(await post(EVENT)).toEqual([200, 'accepted']);
    expect(await post(EVENT)).toEqual([200, 'duplicate']);
  });

  test('raw bytes of either request come before a parsed value', async () => {
    const { post } = await serve(async (app) => {
      await app.register(middie);
      app.use(
        express.json({
          verify: (request, _response, bytes) => Object.assign(request, { rawBody: bytes }),
        }),
      );
      app.use((request: object, _response: unknown, next: () => void) => {
        Object.assign(request, { body: { event_type: 'CHANGED' } });
        next();
      });
    });
    expect(await post(EVENT)).toEqual([200, 'accepted']);
  });
});

describe.each(['plugin', 'preParsing hook'])(
  'the payload of an earlier preParsing hook, %s',
  (mount) => {
    const decompressing = (maxBodyBytes = 10_000) =>
      serve((app) => app.register(compress, { global: true }), { maxBodyBytes, mount });

    test.each([
      ['gzip', gzipSync(EVENT)],
      ['br', brotliCompressSync(EVENT)],
    ])('%s, decompressed by @fastify/compress: accepted', async (encoding, body) => {
      const { post } = await decompressing();
      const headers = { ...JSON_TYPE, 'content-encoding': encoding };
      expect(await post(body, headers)).toEqual([200, 'accepted']);
      expect(await post(EVENT)).toEqual([200, 'duplicate']);
    });

    test('the limit counts the decompressed bytes', async () => {
      const { post } = await decompressing();
      const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' };
      const bomb = gzipSync(' '.repeat(50_000_000));
      expect(bomb.length).toBeGreaterThan(10_000);
      expect((await post(bomb, headers))[0]).toBe(413);
      expect((await post(gzipSync(' '.repeat(20_000)), headers))[0]).toBe(413);
      expect(await post(gzipSync(EVENT), headers)).toEqual([200, 'accepted']);
    });

    test('what is no gzip: 400', async () => {
      const { post } = await decompressing();
      const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' };
      expect((await post(EVENT, headers))[0]).toBe(400);
    });

    test.each([
      ['a pass-through', (): Transform => new PassThrough()],
      [
        'a transform',
        (): Transform =>
          new Transform({ transform: (chunk: Buffer, _, done) => done(null, chunk) }),
      ],
    ])('%s: accepted', async (_, create) => {
      const { post } = await serve(
        (app) =>
          app.addHook('preParsing', async (_request, _reply, payload) => payload.pipe(create())),
        { mount },
      );
      expect(await post(EVENT)).toEqual([200, 'accepted']);
    });
  },
);

describe('routes of the plugin', () => {
  const getRoute = (app: FastifyInstance) => app.get(PATH, async () => ({ hello: 'world' }));

  test('no operation of it is in the document of @fastify/swagger', async () => {
    const { app } = await serve((app) => app.register(swagger));
    expect(Object.keys(app.swagger().paths ?? {})).toEqual([]);
  });

  test('a GET route of the app on the path is served, registered before or after', async () => {
    const before = await serve(getRoute);
    expect(await (await fetch(before.origin + PATH)).json()).toEqual({ hello: 'world' });
    expect(await before.post(EVENT)).toEqual([200, 'accepted']);

    const receiver = createReceiver({
      logger: false,
      secret: TEST_SECRET,
      url: 'https://hooks.example.com',
    });
    const app = fastify();
    closers.push(() => app.close());
    await app.register(novitaWebhooks, { receiver, path: PATH });
    getRoute(app);
    const origin = await app.listen({ host: '127.0.0.1', port: 0 });
    expect(await (await fetch(origin + PATH)).json()).toEqual({ hello: 'world' });
    expect((await fetch(origin + PATH, { method: 'POST' })).status).toBe(401);
    expect((await fetch(origin + PATH, { method: 'PUT' })).status).toBe(405);
  });

  test.each(['/webhooks/novita', '/', '/hooks/:tenant', '/a.b/c-d', '/hooks/*'])(
    'other methods on %s: 405',
    async (path) => {
      const receiver = createReceiver({ logger: false, secret: TEST_SECRET });
      const app = fastify();
      closers.push(() => app.close());
      await app.register(novitaWebhooks, { receiver, prefix: '/in', path });
      const url = `/in${path.replace(':tenant', 'acme').replace('*', 'x/y')}`;
      for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const) {
        const reply = await app.inject({ method, url });
        expect([method, reply.statusCode, reply.headers.allow]).toEqual([method, 405, 'POST']);
      }
      expect((await app.inject({ method: 'POST', url })).statusCode).toBe(401);
      expect((await app.inject({ method: 'GET', url: `${url}/more/x` })).statusCode).toBe(
        path === '/hooks/*' ? 405 : 404,
      );
    },
  );
});
