import { createReceiver } from '@novita-webhooks/core';
import { novitaWebhooks } from '@novita-webhooks/express';
import { sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import express from 'express';
import createJsonBigint from 'json-bigint';
import { expect, test } from 'vitest';

import { PATH, serveApp } from './express-server.ts';

const DIGITS = '12345678901234567890';

test.each([
  ['bigints', { useNativeBigInt: true }],
  ['bigints for every integer', { useNativeBigInt: true, alwaysParseAsBig: true }],
  ['objects', {}],
])('after a JSON parser that makes %s: the digits are kept', async (_, options) => {
  const seeds: unknown[] = [];
  const receiver = createReceiver({
    logger: false,
    url: `https://h.example${PATH}`,
    secret: TEST_SECRET,
    onTaskSucceeded: ({ extra, task }) => seeds.push([extra.seed, task.progress_percent]),
  });
  const app = express();
  app.use(express.text({ type: () => true }), (request, _response, next) => {
    request.body = createJsonBigint(options).parse(request.body as string) as unknown;
    next();
  });
  app.post(PATH, novitaWebhooks(receiver));
  const { url, close } = await serveApp(app);
  const { event_type, payload } = sampleEvents.imageSucceeded();
  const task = { ...(payload['task'] as object), progress_percent: 100 };
  const body = JSON.stringify({ event_type, payload: { ...payload, task, extra: { seed: 0 } } });
  const { search } = new URL(await receiver.createCallbackUrl());
  const reply = await fetch(url + search, {
    method: 'POST',
    body: body.replace('"seed":0', `"seed":${DIGITS}`),
  });
  expect(reply.status).toBe(200);
  await expect.poll(() => seeds).toEqual([[DIGITS, 100]]);
  await close();
  await receiver.close();
});
