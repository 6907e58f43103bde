import { createReceiver, redactUrl } from '@novita-webhooks/core';
import { novitaWebhooks } from '@novita-webhooks/express';
import { sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import express, { type RequestHandler } from 'express';
import morgan from 'morgan';
import { PassThrough } from 'node:stream';
import { pinoHttp } from 'pino-http';
import { expect, test } from 'vitest';

import { PATH, serveApp } from './express-server.ts';

/** The access log of one delivery. */
async function logOf(logger: (stream: PassThrough) => RequestHandler): Promise<string> {
  const stream = new PassThrough();
  const receiver = createReceiver({
    logger: false,
    url: `https://h.example${PATH}`,
    secret: TEST_SECRET,
  });
  const app = express();
  app.use(logger(stream));
  app.post(PATH, novitaWebhooks(receiver));
  const { url, close } = await serveApp(app);
  const { search } = new URL(await receiver.createCallbackUrl());
  const body = JSON.stringify(sampleEvents.imageSucceeded());
  expect((await fetch(url + search, { method: 'POST', body })).status).toBe(200);
  await expect.poll(() => stream.readableLength).toBeGreaterThan(0);
  await close();
  await receiver.close();
  const text = String(stream.read());
  const mac = search.split('.')[3] ?? '';
  return text.replaceAll(mac, 'THE TOKEN');
}

const serializers = {
  req: (request: { url: string }) => ({
    ...request,
    url: redactUrl(request.url),
    query: undefined,
  }),
};

test('the recipe for morgan hides the token', async () => {
  const plain = await logOf((stream) => morgan('combined', { stream }));
  expect(plain).toContain('THE TOKEN');
  morgan.token('url', (request: express.Request) => redactUrl(request.originalUrl));
  const redacted = await logOf((stream) => morgan('combined', { stream }));
  expect(redacted).toContain(`POST ${PATH}?token=[redacted]`);
  expect(redacted).not.toContain('THE TOKEN');
});

test('the recipe for pino-http hides the token', async () => {
  expect(await logOf((stream) => pinoHttp({}, stream) as RequestHandler)).toContain('THE TOKEN');
  const redacted = await logOf((stream) => pinoHttp({ serializers }, stream) as RequestHandler);
  expect(redacted).toContain(`${PATH}?token=[redacted]`);
  expect(redacted).not.toContain('THE TOKEN');
});
