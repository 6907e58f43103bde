import type { WebhookRequest } from '@novita-webhooks/core';
import { Hono } from 'hono';
import { expect, test } from 'vitest';

import { setUp } from './helpers.ts';

const URL_OF_APP = 'http://127.0.0.1/novita';
type Call = (handle: (...args: unknown[]) => unknown) => unknown;

const calls: readonly [string, string, Call][] = [
  ['fetch', 'toFetchHandler', (handle) => handle(new Request(URL_OF_APP))],
  ['Lambda', 'toLambdaHandler', (handle) => handle({ headers: {}, requestContext: {} }, {})],
  [
    'Hono',
    'toFetchHandler',
    async (handle) => {
      const app = new Hono().post('/novita', handle as never);
      app.onError((error) => {
        throw error;
      });
      await app.request('/novita', { method: 'POST' });
    },
  ],
];

test.each(calls)('receiver.handle: a call by %s says to mount %s', async (_, adapter, call) => {
  const { handle } = setUp().receiver;
  const work = async () => call(handle as never);
  await expect(work()).rejects.toMatchObject({
    code: 'invalid_argument',
    message: expect.stringContaining(`Mount ${adapter}(receiver).`) as string,
  });
});

test('receiver.handle: takes plain objects, and those that cannot be read', async () => {
  const { receiver } = setUp();
  const plain = { method: 'POST', url: '/', headers: {}, body: '{}' };
  const hostile = new Proxy(plain, {
    has: () => {
      throw new Error('no');
    },
  });
  for (const request of [plain, hostile, null as unknown as WebhookRequest]) {
    const runtime = { ephemeral: true, waitUntil: () => undefined };
    expect((await receiver.handle(request, runtime)).status).toBeGreaterThan(400);
  }
});
