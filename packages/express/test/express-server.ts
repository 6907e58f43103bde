import type { AdapterServer, AdapterSubject, PriorMiddleware } from '@novita-webhooks/testing';
import type { Receiver } from '@novita-webhooks/core';
import express5, { type Express, type RequestHandler } from 'express';
import express4 from 'express-4';
import express418 from 'express-4-18';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';

import { defineThrowingBody } from '../../../test/support/define-throwing-body.ts';
import { parseBigInts } from '../../../test/support/parse-bigints.ts';

/** The oldest supported Express, the latest Express 4 and the latest Express 5. */
export const versions = {
  'Express 4.18': express418,
  'Express 4': express4,
  'Express 5': express5,
};

export const PATH = '/webhooks/novita';

/** The supported ways to mount the middleware. */
export const mounts = {
  'app.post': (app, handler) => app.post(PATH, handler),
  'app.use': (app, handler) => app.use(PATH, handler),
  router(app, handler, express) {
    const router = express.Router();
    router.post('/novita', handler);
    router.all('/novita', handler);
    app.use('/webhooks', router);
  },
} satisfies Record<
  string,
  (app: Express, handler: RequestHandler, express: typeof express5) => unknown
>;

/** The adapter under test: `novitaWebhooks`, or a broken one. */
export type Adapter = (receiver: Receiver) => RequestHandler;

export function expressSubject(
  express: typeof express5,
  adapter: Adapter,
  mount: (typeof mounts)[keyof typeof mounts] = mounts['app.use'],
): AdapterSubject {
  const parsers = parsersOf(express);
  return {
    parsers: Object.keys(parsers) as PriorMiddleware[],
    inflates: true,
    postOnly: mount === mounts['app.post'],
    async serveOtherRoute(receiver) {
      const app = express();
      if (receiver !== undefined) mount(app, adapter(receiver), express);
      const custom = express.raw({ type: 'application/x-custom' });
      app.use(express.json(), express.text(), express.urlencoded({ extended: true }), custom);
      app.post('/other', ({ body }, response) => {
        response.send(body ?? 'nothing');
      });
      const { close, url } = await serveApp(app);
      return { close, url: url.replace(PATH, '/other') };
    },
    serve(receiver, before) {
      const app = express();
      const parser = before && parsers[before];
      if (parser !== undefined) app.use(parser);
      mount(app, adapter(receiver), express);
      return serveApp(app);
    },
  };
}

export async function serveApp(app: Express): Promise<AdapterServer & { errors: unknown[] }> {
  let passedOn = 0;
  const errors: unknown[] = [];
  app.use((_request, _response, next) => {
    passedOn += 1;
    next();
  });
  app.use(((error: unknown, _request, response, next) => {
    passedOn += 1;
    errors.push(error);
    if (response.headersSent) next(error);
    else response.status(599).end();
  }) as express5.ErrorRequestHandler);
  // Node's default backlog of 511 is too small for 1,000 connections at once: the kernel resets some.
  const server = app.listen(0, '127.0.0.1', 2048);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${PATH}`,
    errors,
    passedOn: () => passedOn,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function parsersOf(express: typeof express5): Partial<Record<PriorMiddleware, RequestHandler>> {
  const all = { type: () => true, limit: '10mb' };
  return {
    json: express.json(all),
    'json-by-type': express.json(),
    raw: express.raw(all),
    text: express.text(all),
    rawBody(request, _response, next) {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        Object.assign(request, { rawBody: Buffer.concat(chunks) });
        next();
      });
    },
    bigint(request, _response, next) {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        request.body = parseBigInts(Buffer.concat(chunks).toString());
        next();
      });
    },
    throws(request, _response, next) {
      defineThrowingBody(request);
      next();
    },
    tap(request, _response, next) {
      request.on('data', () => undefined);
      next();
    },
    drain(request, _response, next) {
      request.resume();
      request.on('end', () => next());
    },
  };
}
