import { createReceiver, redactUrl } from '@novita-webhooks/core';
import { novitaWebhooks } from '@novita-webhooks/fastify';
import { sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import fastify, { type FastifyRequest } from 'fastify';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';

const PATH = '/webhooks/novita';

/** The log of Fastify for one delivery. */
async function logOf(options: object): Promise<string> {
  const stream = new PassThrough();
  let log = '';
  stream.on('data', (text: Buffer) => (log += text.toString()));
  const receiver = createReceiver({
    ...{ logger: false, url: `https://h.example${PATH}`, secret: TEST_SECRET },
  });
  const app = fastify({ logger: { stream, ...options } });
  await app.register(novitaWebhooks, { receiver, path: PATH });
  const url = (await app.listen({ host: '127.0.0.1', port: 0 })) + PATH;
  const { search } = new URL(await receiver.createCallbackUrl());
  const body = JSON.stringify(sampleEvents.imageSucceeded());
  expect((await fetch(url + search, { method: 'POST', body })).status).toBe(200);
  await expect.poll(() => log).toContain('request completed');
  await app.close();
  return log.replaceAll(search.split('.')[3] ?? '', 'THE TOKEN');
}

test("the recipe for Fastify's logger hides the token", async () => {
  expect(await logOf({})).toContain('THE TOKEN');
  const serializers = {
    req: ({ method, url }: FastifyRequest) => ({ method, url: redactUrl(url) }),
  };
  const redacted = await logOf({ serializers });
  expect(redacted).toContain(`${PATH}?token=[redacted]`);
  expect(redacted).not.toContain('THE TOKEN');
});
