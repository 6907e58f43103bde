import type { Receiver } from '@novita-webhooks/core';
import { novitaWebhooks, toFastifyHandler } from '@novita-webhooks/fastify';
import fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify';
import { expect, expectTypeOf, test } from 'vitest';

// What counts here is that it compiles: `tsc --noEmit` is what these tests can fail.

test('it fits where Fastify takes plugins and handlers', async () => {
  const app: FastifyInstance = fastify();
  const receiver = {} as Receiver;
  expectTypeOf(novitaWebhooks).toExtend<FastifyPluginAsync<{ receiver: Receiver }>>();
  const register = () => app.register(novitaWebhooks, { receiver, path: '/a', prefix: '/b' });
  const route = () =>
    app
      .post('/a', toFastifyHandler(receiver))
      .post('/b', { onRequest: toFastifyHandler(receiver) }, () => undefined);
  expect([register, route]).toHaveLength(2);
});

test('inline options infer what handlers get', async () => {
  const app = fastify();
  await app.register(novitaWebhooks, {
    path: '/hooks',
    insecure: true,
    onTaskSucceeded: ({ images }) =>
      expectTypeOf(images[0]?.expires_at).toEqualTypeOf<Date | null | undefined>(),
  });
  await app.close();
});

test('options that are none do not compile', async () => {
  const app = fastify();
  // @ts-expect-error: no such option
  const plugin = app.register(novitaWebhooks, { insecure: true, paths: '/hooks' });
  await expect(plugin).rejects.toThrow();
  await app.close().catch(() => undefined);
});
