import type { AdapterSubject, PriorMiddleware } from '@novita-webhooks/testing';
import { novitaWebhooks, toFastifyHandler } from '@novita-webhooks/fastify';
import type { Receiver } from '@novita-webhooks/core';
import fastify5, { type FastifyInstance } from 'fastify';
import fastify4 from 'fastify-4';
import fastify417 from 'fastify-4-17';
import rawBody5 from 'fastify-raw-body';
import rawBody4 from 'fastify-raw-body-4';

import { defineThrowingBody } from '../../../test/support/define-throwing-body.ts';
import { parseBigInts } from '../../../test/support/parse-bigints.ts';

/** The oldest supported Fastify, the latest Fastify 4 and the latest Fastify 5. */
export const versions = {
  'Fastify 4.17': { fastify: fastify417, rawBody: undefined },
  'Fastify 4': { fastify: fastify4, rawBody: rawBody4 },
  'Fastify 5': { fastify: fastify5, rawBody: rawBody5 },
};

export const PATH = '/webhooks/novita';

/** The supported ways to mount the webhooks. */
export const mounts = {
  'a plugin': (app: FastifyInstance, receiver: Receiver) => {
    void app.register(novitaWebhooks, { receiver, path: PATH });
  },
  'a plugin under a prefix': (app: FastifyInstance, receiver: Receiver) => {
    void app.register(novitaWebhooks, { receiver, prefix: '/webhooks', path: '/novita' });
  },
  'a route with toFastifyHandler': (app: FastifyInstance, receiver: Receiver) => {
    receiver.start();
    void app.register(async (own) => {
      own.all(PATH, { onRequest: toFastifyHandler(receiver) }, () => undefined);
    });
  },
};

export function fastifySubject(
  { fastify, rawBody }: (typeof versions)[keyof typeof versions],
  mount: (typeof mounts)[keyof typeof mounts],
  { http2 = false }: { readonly http2?: boolean } = {},
): AdapterSubject {
  const create = () => (http2 ? (fastify({ http2 }) as unknown as FastifyInstance) : fastify());
  const scheme = (origin: string) => (http2 ? origin.replace('http:', 'h2c:') : origin);
  return {
    http2,
    closesConnections: !http2,
    parsers: [...(rawBody ? ['raw' as const] : []), ...(Object.keys(parsers) as PriorMiddleware[])],
    trailingSlash: 'left',
    async serveOtherRoute(receiver) {
      const app = create();
      app.addContentTypeParser('application/x-custom', { parseAs: 'buffer' }, (_, body, done) =>
        done(null, { custom: body.toString('hex') }),
      );
      if (receiver !== undefined) mount(app, receiver);
      app.post('/other', async ({ body }) => body ?? 'nothing');
      const origin = await app.listen({ host: '127.0.0.1', port: 0 });
      return { url: `${scheme(origin)}/other`, close: () => app.close() };
    },
    async serve(receiver, before) {
      const app = create();
      let passedOn = 0;
      if (before === 'raw') await app.register(rawBody as never, { global: true, runFirst: true });
      else if (before !== undefined) await parsers[before]?.(app);
      mount(app, receiver);
      const count = async () => {
        passedOn += 1;
      };
      app.addHook('preHandler', count);
      app.addHook('onError', count);
      const origin = await app.listen({ host: '127.0.0.1', port: 0 });
      return { url: scheme(origin) + PATH, passedOn: () => passedOn, close: () => app.close() };
    },
  };
}

async function readAll(request: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Hooks that read the body before the adapter. Fastify itself reads it after `preParsing`. */
const parsers: Partial<Record<PriorMiddleware, (app: FastifyInstance) => Promise<unknown>>> = {
  async rawBody(app) {
    app.addHook('onRequest', async (request) => {
      Object.assign(request, { rawBody: await readAll(request.raw) });
    });
  },
  async 'node-json'(app) {
    app.addHook('onRequest', async ({ raw }) => {
      Object.assign(raw, { body: JSON.parse(String(await readAll(raw))) as unknown });
    });
  },
  async 'node-rawBody'(app) {
    app.addHook('onRequest', async ({ raw }) => {
      Object.assign(raw, { rawBody: await readAll(raw) });
    });
  },
  async bigint(app) {
    app.addHook('onRequest', async (request) => {
      request.body = parseBigInts(String(await readAll(request.raw)));
    });
  },
  async throws(app) {
    app.addHook('onRequest', async (request) => defineThrowingBody(request));
  },
  async tap(app) {
    app.addHook('onRequest', async (request) => {
      request.raw.on('data', () => undefined);
    });
  },
  async drain(app) {
    app.addHook('onRequest', async (request) => {
      await readAll(request.raw);
    });
  },
};
