// In JavaScript, options beside a receiver would be dropped silently: each adapter refuses them.
import { createReceiver, toFetchHandler, toLambdaHandler } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import { novitaWebhooks as onExpress } from '@novita-webhooks/express';
import { novitaWebhooks as onFastify } from '@novita-webhooks/fastify';
import { novitaWebhooks as onKoa } from '@novita-webhooks/koa';
import { TEST_SECRET } from '@novita-webhooks/testing';
import fastify from 'fastify';
import { expect, onTestFinished, test } from 'vitest';

type Mount = (receiver: object, options: object) => unknown;

const ADAPTERS: Readonly<Record<string, Mount>> = {
  Express: onExpress as Mount,
  Koa: onKoa as Mount,
  async Fastify(receiver, options) {
    const app = fastify();
    await app.register(onFastify, { path: '/hooks', receiver, ...options } as never);
  },
  'node:http': toNodeHandler,
  Lambda: toLambdaHandler,
  fetch: toFetchHandler,
  'fetch, created later': (receiver, options) =>
    (toFetchHandler as unknown as (...all: unknown[]) => (request: Request) => Promise<Response>)(
      () => receiver,
      options,
    )(new Request('http://localhost/hooks')),
};

test.each(Object.entries(ADAPTERS))('%s: refuses options beside a receiver', async (_, mount) => {
  const receiver = createReceiver({ secret: TEST_SECRET, logger: false });
  onTestFinished(() => receiver.close());
  const mounting = async () => mount(receiver, { onTaskFailed: () => undefined });
  await expect(mounting()).rejects.toMatchObject({
    code: 'invalid_option',
    message: expect.stringContaining('onTaskFailed') as string,
  });
  await mount(receiver, {}); // as an instance in a list that is mapped: the index comes second
  if (mount !== ADAPTERS['Koa']) await mount(receiver, 0 as never);
});
