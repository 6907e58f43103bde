import { createReceiver } from '@novita-webhooks/core';
import { createFakeInbox, sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { novitaWebhooks } from '@novita-webhooks/express';
import express from 'express';
import { expect, onTestFinished, test } from 'vitest';

import { PATH, serveApp } from './express-server.ts';

test('novitaWebhooks creates a receiver from options and exposes it', async () => {
  const tasks: string[] = [];
  const middleware = novitaWebhooks({
    logger: false,
    url: 'https://example.com/webhooks/novita',
    secret: TEST_SECRET,
    onTaskSucceeded: ({ task }) => tasks.push(task.task_id),
  });
  const server = await serveApp(express().post(PATH, middleware));
  onTestFinished(server.close);
  onTestFinished(() => middleware.receiver.close());
  const { search } = new URL(await middleware.receiver.createCallbackUrl());
  const body = JSON.stringify(sampleEvents.imageSucceeded({ taskId: 'one' }));
  expect((await fetch(server.url + search, { method: 'POST', body })).status).toBe(200);
  await expect.poll(() => tasks).toEqual(['one']);
});

test('novitaWebhooks throws for invalid options', () => {
  expect(() => novitaWebhooks({ logger: false, secret: undefined })).toThrow(/secret is missing/);
  expect(() => novitaWebhooks({ logger: false, secret: 'short' })).toThrow(
    /at least 32 characters/,
  );
});

test('novitaWebhooks starts the receiver: entries in the inbox are processed', async () => {
  const inbox = createFakeInbox();
  const tasks: string[] = [];
  const first = createReceiver({ logger: false, insecure: true, inbox });
  const body = JSON.stringify(sampleEvents.imageSucceeded({ taskId: 'pending' }));
  await first.handle({ method: 'POST', url: '/', headers: {}, body });
  const { receiver } = novitaWebhooks({
    logger: false,
    insecure: true,
    inbox,
    onTaskSucceeded: ({ task }) => tasks.push(task.task_id),
  });
  onTestFinished(() => receiver.close());
  await expect.poll(() => tasks).toEqual(['pending']);
});

test('the middleware passes already_replied to next if the request was answered', async () => {
  const receiver = createReceiver({ logger: false, insecure: true });
  const app = express();
  app.use((_request, response, next) => {
    response.status(202).send('already');
    next();
  });
  app.post(PATH, novitaWebhooks(receiver));
  const server = await serveApp(app);
  onTestFinished(server.close);
  onTestFinished(() => receiver.close());
  await fetch(server.url, { method: 'POST', body: '{}' }).catch(() => undefined);
  await expect.poll(() => server.errors).toMatchObject([{ code: 'already_replied' }]);
});

test('the middleware sends no reply if a timeout middleware answered first', async () => {
  const inbox = createFakeInbox();
  const receiver = createReceiver({
    logger: false,
    insecure: true,
    inbox,
    limits: { replyTimeoutMs: 100 },
  });
  const app = express();
  app.use((_request, response, next) => {
    setTimeout(() => response.status(504).end(), 20);
    next();
  });
  app.post(PATH, novitaWebhooks(receiver));
  const server = await serveApp(app);
  onTestFinished(server.close);
  onTestFinished(() => receiver.close());
  inbox.stall();
  const body = JSON.stringify(sampleEvents.failed());
  expect((await fetch(server.url, { method: 'POST', body })).status).toBe(504);
  await new Promise((resolve) => setTimeout(resolve, 150));
  inbox.recover();
  expect(server.errors).toEqual([]);
});
