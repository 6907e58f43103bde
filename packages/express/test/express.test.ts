import { createReceiver } from '@novita-webhooks/core';
import { createFakeInbox, sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { novitaWebhooks } from '@novita-webhooks/express';
import express from 'express';
import { afterEach, expect, test } from 'vitest';

import { PATH, serveApp } from './express-server.ts';

const clean: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const undo of clean.splice(0).reverse()) await undo();
});

test('takes the options of a receiver, and shows the receiver it made', async () => {
  const tasks: string[] = [];
  const middleware = novitaWebhooks({
    url: 'https://example.com/webhooks/novita',
    secret: TEST_SECRET,
    onTaskSucceeded: ({ task }) => tasks.push(task.task_id),
  });
  const server = await serveApp(express().post(PATH, middleware));
  clean.push(server.close, () => middleware.receiver.close());
  const { search } = new URL(await middleware.receiver.createCallbackUrl());
  const body = JSON.stringify(sampleEvents.imageSucceeded({ taskId: 'one' }));
  expect((await fetch(server.url + search, { method: 'POST', body })).status).toBe(200);
  await expect.poll(() => tasks).toEqual(['one']);
});

test('refuses options that make no sense when it is mounted, not when an event comes', () => {
  expect(() => novitaWebhooks({ secret: undefined })).toThrow(/secret is missing/);
  expect(() => novitaWebhooks({ secret: 'short' })).toThrow(/at least 32 characters/);
});

test('begins with what an inbox already holds when it is mounted', async () => {
  const inbox = createFakeInbox();
  const tasks: string[] = [];
  const first = createReceiver({ insecure: true, inbox });
  const body = JSON.stringify(sampleEvents.imageSucceeded({ taskId: 'left over' }));
  await first.handle({ method: 'POST', url: '/', headers: {}, body });
  const { receiver } = novitaWebhooks({
    insecure: true,
    inbox,
    onTaskSucceeded: ({ task }) => tasks.push(task.task_id),
  });
  clean.push(() => receiver.close());
  await expect.poll(() => tasks).toEqual(['left over']);
});

test('a request that was answered before it came here is an error of the app', async () => {
  const receiver = createReceiver({ insecure: true });
  const app = express();
  app.use((_request, response, next) => {
    response.status(202).send('already');
    next();
  });
  app.post(PATH, novitaWebhooks(receiver));
  const server = await serveApp(app);
  clean.push(server.close, () => receiver.close());
  await fetch(server.url, { method: 'POST', body: '{}' }).catch(() => undefined);
  await expect.poll(() => server.errors).toMatchObject([{ code: 'already_replied' }]);
});

test('a time-out middleware that answers first is left in peace', async () => {
  const inbox = createFakeInbox();
  const receiver = createReceiver({ insecure: true, inbox, limits: { replyTimeoutMs: 100 } });
  const app = express();
  app.use((_request, response, next) => {
    setTimeout(() => response.status(504).end(), 20);
    next();
  });
  app.post(PATH, novitaWebhooks(receiver));
  const server = await serveApp(app);
  clean.push(server.close, () => receiver.close());
  inbox.stall();
  const body = JSON.stringify(sampleEvents.failed());
  expect((await fetch(server.url, { method: 'POST', body })).status).toBe(504);
  await new Promise((resolve) => setTimeout(resolve, 150));
  inbox.recover();
  expect(server.errors).toEqual([]);
});
