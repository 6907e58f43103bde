import { toNodeHandler } from '@novita-webhooks/core/node';
import { BAD_TOKENS, badCallbackUrl, sampleEvents } from '@novita-webhooks/testing';
import { once } from 'node:events';
import { createServer, type ServerOptions } from 'node:http';
import { createConnection, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';

import { createReceiver, type ReceiverOptions } from '@novita-webhooks/core';
import { TEST_SECRET } from '@novita-webhooks/testing';

import { codeOf, request, setUp } from './helpers.ts';

const MEBIBYTE = 1024 * 1024;
const event = sampleEvents.imageSucceeded();

async function serve(settings: ServerOptions = {}, options: Partial<ReceiverOptions> = {}) {
  const url = 'http://127.0.0.1/novita';
  const receiver = createReceiver({ logger: false, url, secret: TEST_SECRET, ...options });
  const handler = toNodeHandler(receiver);
  const server = createServer(settings, (incoming, response) => void handler(incoming, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await receiver.close({ gracePeriodMs: 0 });
  });
  const { port } = server.address() as AddressInfo;
  const { pathname, search } = new URL(await receiver.createCallbackUrl());
  return { server, receiver, port, path: pathname + search };
}

/** A connection that collects what the server sends. */
function connect(port: number): { readonly socket: Socket; received(): string } {
  const socket = createConnection(port, '127.0.0.1');
  socket.on('error', () => undefined);
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  onTestFinished(() => void socket.destroy());
  return { socket, received: () => received };
}

async function exchange(port: number, bytes: string): Promise<string> {
  const { socket, received } = connect(port);
  socket.write(bytes);
  await once(socket, 'close');
  return received();
}

const post = (path: string, body: string, header = '') =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${header}\r\n${body}`;

describe('bad tokens', () => {
  test('get the same bytes, whatever is wrong with them and whatever the body is', async () => {
    const { port, path } = await serve();
    const good = path.slice(path.indexOf('=') + 1);
    const [version = '', keyId = '', claims = '', mac = ''] = good.split('.');
    const bodies = [
      post('', JSON.stringify(event)),
      post('', ''),
      post('', '{'),
      post('', 'x', 'content-type: image/png\r\n'),
      'POST  HTTP/1.1\r\nhost: x\r\ncontent-length: 900000000\r\n\r\n',
    ];
    const queries = [
      ...(await Promise.all(BAD_TOKENS.map((kind) => badCallbackUrl(kind, '/novita')))),
      `/novita?token=${version}.AAAAAAAA.${claims}.${mac}`,
      `/novita?token=${version}.${keyId}.${claims}.`,
      `/novita?token=${version}.${keyId}..${mac}`,
      `/novita?token=nwt2.${keyId}.${claims}.${mac}`,
      `/novita?token=${'a'.repeat(5000)}`,
    ];
    const replies = new Set<string>();
    for (const query of queries) {
      for (const body of bodies) {
        const reply = await exchange(port, body.replace('POST ', `POST ${query}`));
        replies.add(reply.replace(/\r\ndate: [^\r]*/i, ''));
      }
    }
    expect([...replies]).toHaveLength(1);
    expect([...replies][0]).toMatch(/^HTTP\/1\.1 401 /);
  });
});

describe('bodies', () => {
  const million = Array.from({ length: 1_000_000 }, (_, index) => `"k${index}":0`).join();
  const payload = JSON.stringify(event.payload);
  const withText = (json: string) =>
    JSON.stringify(event).replace('"seed":"1204816733"', `"seed":${json}`);

  test.each<[string, string | Buffer, number, string]>([
    [
      'a million keys',
      `{"event_type":"ASYNC_TASK_RESULT","payload":${payload.slice(0, -1)},${million}}}`,
      200,
      'accepted',
    ],
    [
      'a million keys of the task',
      `{"event_type":"ASYNC_TASK_RESULT","payload":{"task":{${million}}}}`,
      422,
      'missing_task_id',
    ],
    ['a megabyte of [', '['.repeat(MEBIBYTE), 400, 'invalid_json'],
    ['a megabyte of {"a":', '{"a":'.repeat(200_000), 400, 'invalid_json'],
    ['nesting of 65 levels', withText('['.repeat(65) + ']'.repeat(65)), 400, 'invalid_json'],
    [
      'invalid UTF-8',
      Buffer.concat([Buffer.from(JSON.stringify(event)), Buffer.of(0xc3, 0x28)]),
      400,
      'invalid_json',
    ],
    [
      'overlong UTF-8',
      Buffer.concat([Buffer.of(0xc0, 0xaf), Buffer.from('{}')]),
      400,
      'invalid_json',
    ],
    [
      'a surrogate in UTF-8',
      Buffer.from('7b22ed a080 223a317d'.replaceAll(' ', ''), 'hex'),
      400,
      'invalid_json',
    ],
    ['UTF-16', Buffer.from(JSON.stringify(event), 'utf16le'), 400, 'invalid_json'],
    ['a byte order mark', Buffer.from(`\ufeff${JSON.stringify(event)}`), 200, 'accepted'],
    [
      'two byte order marks',
      Buffer.from(`\ufeff\ufeff${JSON.stringify(event)}`),
      400,
      'invalid_json',
    ],
    ['an escaped lone surrogate', withText('"\\ud800"'), 200, 'accepted'],
    ['a lone surrogate in a key', withText('{"\\udc00":1}'), 200, 'accepted'],
  ])('%s', { timeout: 240_000 }, async (_, body, status, code) => {
    const limits = { maxBodyBytes: 32 * MEBIBYTE };
    const { receiver } = setUp({ limits });
    const reply = await receiver.handle(await request(receiver, { body }));
    expect([reply.status, codeOf(reply)]).toEqual([status, code]);
    const { inbox } = await receiver.stats();
    expect(inbox.pending).toBe(status === 200 ? 1 : 0);
    const next = sampleEvents.imageSucceeded({ taskId: 'next' });
    expect(
      (await receiver.handle(await request(receiver, { body: JSON.stringify(next) }))).status,
    ).toBe(200);
  });
});

// What belongs to the server: SECURITY.md says which settings of node:http to use.
describe('server settings of SECURITY.md', () => {
  const settings = { headersTimeout: 300, requestTimeout: 600, connectionsCheckingInterval: 50 };

  test('headersTimeout ends slow headers, while an honest delivery is accepted', async () => {
    const { port, path } = await serve(settings);
    const slow = Array.from({ length: 50 }, () => connect(port));
    for (const { socket } of slow) socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\n`);
    expect(await exchange(port, post(path, JSON.stringify(event)))).toMatch(/^HTTP\/1\.1 200 /);
    for (const { socket, received } of slow) {
      await expect.poll(() => socket.closed).toBe(true);
      expect(received()).toMatch(/^HTTP\/1\.1 408 /);
    }
  });

  test('bodyTimeoutMs ends slow bodies before requestTimeout does', async () => {
    const limits = { bodyTimeoutMs: 100 };
    const { port, path, receiver } = await serve(
      { ...settings, requestTimeout: 60_000 },
      { limits },
    );
    const slow = Array.from({ length: 50 }, () => connect(port));
    for (const { socket } of slow) socket.write(post(path, 'x'.repeat(1000)).slice(0, -10));
    expect(await exchange(port, post(path, JSON.stringify(event)))).toMatch(/^HTTP\/1\.1 200 /);
    for (const { received } of slow) {
      await expect.poll(received).toContain('"body_too_slow"');
    }
    expect((await receiver.stats()).replies.body_too_slow).toBe(50);
  });

  test('maxConnections drops further connections, and room is made by headersTimeout', async () => {
    const { server, port, path } = await serve(settings);
    server.maxConnections = 20;
    const flood = Array.from({ length: 60 }, () => connect(port));
    await expect.poll(() => flood.filter(({ socket }) => socket.closed).length).toBeGreaterThan(39);
    await expect
      .poll(() => exchange(port, post(path, JSON.stringify(event))))
      .toMatch(/^HTTP\/1\.1 200 /);
  });
});
