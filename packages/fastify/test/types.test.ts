import type { JsonObject, Receiver } from '@novita-webhooks/core';
import {
  novitaWebhooks,
  toFastifyHandler,
  type NovitaWebhooksOptions,
} from '@novita-webhooks/fastify';
import fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, expectTypeOf, test } from 'vitest';

import { typeErrorsWith } from '../../../test/support/type-errors.ts';

const require = createRequire(import.meta.url);

// These tests check types: `tsc --noEmit` fails if an assertion on a type is wrong.

test('novitaWebhooks is a Fastify plugin, toFastifyHandler a handler or hook', async () => {
  const app: FastifyInstance = fastify();
  const receiver = {} as Receiver;
  expectTypeOf(novitaWebhooks).toExtend<FastifyPluginAsync<{ receiver: Receiver }>>();
  const register = () => app.register(novitaWebhooks, { receiver, path: '/a', prefix: '/b' });
  const route = () =>
    app
      .post('/a', toFastifyHandler(receiver))
      .post('/b', { onRequest: toFastifyHandler(receiver) }, () => undefined);
  const transactional = {} as Receiver<JsonObject, { readonly sql: string }>;
  const others = () => app.register(novitaWebhooks, { receiver: transactional });
  expectTypeOf(toFastifyHandler).toBeCallableWith(transactional);
  expect([register, route, others]).toHaveLength(3);
});

test('novitaWebhooks infers the parameters of inline handlers', async () => {
  const app = fastify();
  await app.register(novitaWebhooks, {
    path: '/hooks',
    insecure: true,
    onTaskSucceeded: ({ images }) =>
      expectTypeOf(images[0]?.expires_at).toEqualTypeOf<Date | null | undefined>(),
  });
  await app.close();
});

test('novitaWebhooks: NovitaWebhooksOptions names the type of the metadata', async () => {
  const app = fastify();
  await app.register<NovitaWebhooksOptions<{ orderId: number }>>(novitaWebhooks, {
    path: '/hooks',
    insecure: true,
    onTaskSucceeded: (_, { metadata }) => expectTypeOf(metadata.orderId).toEqualTypeOf<number>(),
  });
  await app.close();
});

test('novitaWebhooks rejects an unknown option at compile time and at run time', async () => {
  const app = fastify();
  // @ts-expect-error: no such option
  const plugin = app.register(novitaWebhooks, { insecure: true, paths: '/hooks' });
  await expect(plugin).rejects.toThrow();
  await app.close().catch(() => undefined);
});

test('these types also compile with the types of Fastify 4', () => {
  const folder = dirname(require.resolve('fastify-4/package.json'));
  expect(typeErrorsWith(fileURLToPath(import.meta.url), 'fastify', folder)).toEqual([]);
}, 180_000); // one run of the compiler, on a busy machine
