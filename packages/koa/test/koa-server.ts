import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import type { Receiver } from '@novita-webhooks/core';
import type { AdapterSubject, PriorMiddleware } from '@novita-webhooks/testing';
import { novitaWebhooks } from '@novita-webhooks/koa';
import Koa3, { type Middleware } from 'koa';
import Koa2 from 'koa-2';
import Koa214 from 'koa-2-14';
import { koaBody } from 'koa-body';
import oldBodyParser from 'koa-bodyparser';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { defineThrowingBody } from '../../../test/support/define-throwing-body.ts';
import { parseBigInts } from '../../../test/support/parse-bigints.ts';

/** The oldest supported Koa, the latest Koa 2 and the latest Koa 3. */
export const versions = { 'Koa 2.14': Koa214, 'Koa 2': Koa2, 'Koa 3': Koa3 };

export const PATH = '/webhooks/novita';

/** The common body parsers of Koa apps, for every content type. */
export const bodyParsers = {
  '@koa/bodyparser 6': bodyParser({
    enableTypes: ['json'],
    extendTypes: { json: ['*/*'] },
    jsonLimit: '10mb',
  }),
  'koa-bodyparser 4': oldBodyParser({
    enableTypes: ['json'],
    extendTypes: { json: ['*/*'] },
    jsonLimit: '10mb',
  }),
  'koa-body': koaBody({ jsonLimit: '10mb' }),
} as unknown as Record<'@koa/bodyparser 6' | 'koa-bodyparser 4' | 'koa-body', Middleware>;

export const mounts = {
  'a path': (app: Koa3, receiver: Receiver) => {
    app.use(novitaWebhooks(receiver, { path: PATH }));
  },
  'a router': (app: Koa3, receiver: Receiver) => {
    const router = new Router();
    router.all(PATH, novitaWebhooks(receiver));
    app.use(router.routes());
  },
};

export function koaSubject(
  Koa: typeof Koa3,
  mount: (typeof mounts)[keyof typeof mounts],
  json: Middleware,
): AdapterSubject {
  const parsers: Partial<Record<PriorMiddleware, Middleware>> = {
    json,
    'json-by-type': oldBodyParser(),
    ...streamReaders,
  };
  return {
    parsers: Object.keys(parsers) as PriorMiddleware[],
    inflates: true,
    async serveOtherRoute(receiver) {
      const app = new Koa();
      app.silent = true;
      if (receiver !== undefined) mount(app, receiver);
      app.use(oldBodyParser({ enableTypes: ['json', 'form', 'text'] }));
      app.use((context) => {
        if (context.path !== '/other') return;
        const { body } = context.request as { body?: unknown };
        context.body = body ?? 'nothing';
      });
      const { close, url } = await serveApp(app);
      return { close, url: url.replace(PATH, '/other') };
    },
    async serve(receiver, before) {
      const app = new Koa();
      let passedOn = 0;
      app.on('error', () => (passedOn += 1));
      const parser = before === undefined ? undefined : parsers[before];
      if (parser !== undefined) app.use(parser);
      mount(app, receiver);
      app.use(() => {
        passedOn += 1;
      });
      return serveApp(app, () => passedOn);
    },
  };
}

export async function serveApp(app: Koa3, passedOn: () => number = () => 0) {
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${PATH}`,
    passedOn,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function readAll(request: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const streamReaders: Partial<Record<PriorMiddleware, Middleware>> = {
  async raw(context, next) {
    Object.assign(context.request, { body: await readAll(context.req) });
    await next();
  },
  async text(context, next) {
    Object.assign(context.request, { body: (await readAll(context.req)).toString() });
    await next();
  },
  async rawBody(context, next) {
    Object.assign(context.request, { rawBody: (await readAll(context.req)).toString() });
    await next();
  },
  async 'node-json'(context, next) {
    Object.assign(context.req, { body: JSON.parse(String(await readAll(context.req))) as unknown });
    await next();
  },
  async 'node-rawBody'(context, next) {
    Object.assign(context.req, { rawBody: await readAll(context.req) });
    await next();
  },
  async bigint(context, next) {
    Object.assign(context.request, { body: parseBigInts(String(await readAll(context.req))) });
    await next();
  },
  async throws(context, next) {
    defineThrowingBody(context.request);
    await next();
  },
  async tap(context, next) {
    context.req.on('data', () => undefined);
    await next();
  },
  async drain(context, next) {
    await readAll(context.req);
    await next();
  },
};
