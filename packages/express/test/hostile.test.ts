import { sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { createReceiver, type Receiver, type ReceiverOptions } from '@novita-webhooks/core';
import { novitaWebhooks } from '@novita-webhooks/express';
import express from 'express';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';

import { PATH, serveApp } from './express-server.ts';

const MEGABYTE = 1024 * 1024;
async function serve(options: Partial<ReceiverOptions> = {}) {
  const receiver = createReceiver({
    logger: false,
    url: 'https://example.com',
    secret: TEST_SECRET,
    ...options,
  });
  const app = express();
  app.post(PATH, novitaWebhooks(receiver));
  const server = await serveApp(app);
  onTestFinished(() => receiver.close({ gracePeriodMs: 0 }));
  onTestFinished(server.close);
  return { receiver, server };
}

async function pathWithToken(receiver: Receiver): Promise<string> {
  return PATH + new URL(await receiver.createCallbackUrl()).search;
}

/** Sends `bytes` bytes as fast as the server reads them. Returns the status and the bytes sent. */
async function flood(port: number, path: string, bytes: number) {
  const socket = createConnection(port, '127.0.0.1');
  await once(socket, 'connect');
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString()));
  socket.on('error', () => undefined); // the server may reset the connection
  socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n`);
  const chunk = Buffer.concat([
    Buffer.from('10000\r\n'),
    Buffer.alloc(65_536, ' '),
    Buffer.from('\r\n'),
  ]);
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += 65_536) {
    if (socket.write(chunk)) continue;
    await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => undefined);
  }
  while (!socket.closed) await new Promise((resolve) => setTimeout(resolve, 10));
  return {
    status: Number(answer.split(' ')[1]),
    taken: socket.bytesWritten - socket.writableLength,
  };
}

const portOf = (url: string) => Number(new URL(url).port);

describe('under attack', () => {
  for (const [what, status] of [
    ['without a token', 401],
    ['with a token', 413],
  ] as const) {
    test(`5 bodies of 200 MB ${what} get ${status} in bounded memory`, async () => {
      const { receiver, server } = await serve();
      const path = what === 'with a token' ? await pathWithToken(receiver) : PATH;
      const before = process.memoryUsage().rss;
      const floods = Array.from({ length: 5 }, () =>
        flood(portOf(server.url), path, 200 * MEGABYTE),
      );

      const url = server.url.replace(PATH, await pathWithToken(receiver));
      const body = JSON.stringify(sampleEvents.failed());
      const valid = await fetch(url, { method: 'POST', body });
      expect(valid.status).toBe(200);

      for (const { status: answered, taken } of await Promise.all(floods)) {
        expect(answered).toBe(status);
        expect(taken).toBeLessThan(16 * MEGABYTE); // includes kernel buffers
      }
      expect(process.memoryUsage().rss - before).toBeLessThan(100 * MEGABYTE);
    }, 20_000);
  }

  test('a body of one byte per second gets 408 at the limit', async () => {
    const { receiver, server } = await serve({ limits: { bodyTimeoutMs: 1500 } });
    const path = await pathWithToken(receiver);
    const socket = createConnection(portOf(server.url), '127.0.0.1');
    onTestFinished(async () => void socket.destroy());
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n`);
    const drip = setInterval(() => socket.write(' '), 1000);
    onTestFinished(async () => clearInterval(drip));
    const valid = await fetch(server.url.replace(PATH, path), {
      method: 'POST',
      body: JSON.stringify(sampleEvents.failed()),
    });
    expect(valid.status).toBe(200);
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  }, 10_000);

  test('1,000 concurrent copies are all answered 200 and handled once', async () => {
    let runs = 0;
    // Not a test of speed: a busy machine may need longer than the default limits.
    const limits = { bodyTimeoutMs: 60_000, replyTimeoutMs: 60_000 };
    const { receiver, server } = await serve({ limits, onTaskSucceeded: () => (runs += 1) });
    const url = server.url.replace(PATH, await pathWithToken(receiver));
    const body = JSON.stringify(sampleEvents.imageSucceeded());
    const copies = Array.from({ length: 1000 }, () => fetch(url, { method: 'POST', body }));
    const statuses = (await Promise.all(copies)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1000);
    await expect
      .poll(() => receiver.inbox.stats())
      .toMatchObject({ done: 1, running: 0, pending: 0 });
    expect(runs).toBe(1);
  }, 90_000);
});
