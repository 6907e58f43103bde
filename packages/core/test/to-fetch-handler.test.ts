import { getRequestListener } from '@hono/node-server';
import { createReceiver, toFetchHandler, type FetchHandler } from '@novita-webhooks/core';
import {
  adapterContract,
  runCase,
  sampleEvents,
  signedDelivery,
  TEST_SECRET,
  type AdapterSubject,
  type PriorMiddleware,
} from '@novita-webhooks/testing';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';

import { defineThrowingBody } from '../../../test/support/define-throwing-body.ts';
import { setUp, track } from './helpers.ts';

const PATH = '/webhooks/novita';
const URL_OF_ENDPOINT = 'https://hooks.example.com/novita';

/** Servers that turn an HTTP request into a fetch Request. */
const servers: Record<string, (handler: FetchHandler) => RequestListener> = {
  '@hono/node-server': (handler) => {
    const listener = getRequestListener((request) => handler(request));
    return (request, response) => void listener(request, response);
  },
  'Node streams and waitUntil': (handler) => (incoming, response) => {
    const { method = '', url = '', headers } = incoming;
    const hasBody = method !== 'GET' && method !== 'HEAD';
    const request = new Request(new URL(url, 'http://127.0.0.1'), {
      method,
      headers: Object.entries(headers).flatMap(([name, value]) =>
        [value ?? []].flat().map((one): [string, string] => [name, one]),
      ),
      body: hasBody ? (Readable.toWeb(incoming) as ReadableStream<Uint8Array>) : null,
      duplex: 'half',
    });
    const waitUntil = (work: Promise<unknown>) => void work;
    void handler(request, { waitUntil }).then(async (answer) => {
      const body = Buffer.from(await answer.arrayBuffer());
      for (const [name, value] of answer.headers) response.setHeader(name, value);
      // Otherwise the client may send its next request on the connection that is destroyed below.
      if (!incoming.complete) response.setHeader('connection', 'close');
      response.writeHead(answer.status, { 'content-length': body.length }).end(body);
      response.on('finish', () => incoming.complete || incoming.destroy());
    });
  },
};

const parsers: Partial<Record<PriorMiddleware, (request: Request) => Promise<unknown>>> = {
  drain: (request) => request.arrayBuffer(),
  throws: async (request) => defineThrowingBody(request),
};

function subject(toListener: (handler: FetchHandler) => RequestListener): AdapterSubject {
  return {
    parsers: Object.keys(parsers) as PriorMiddleware[],
    closesConnections: false,
    async serve(receiver, before) {
      let passedOn = 0;
      const handler = toFetchHandler(receiver);
      const listener = toListener(async (request, context) => {
        if (before !== undefined) await parsers[before]?.(request);
        return handler(request, context).catch(() => {
          passedOn += 1;
          return new Response('', { status: 599 });
        });
      });
      const server = createServer(listener).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      return {
        url: `http://127.0.0.1:${port}${PATH}`,
        passedOn: () => passedOn,
        async close() {
          server.close();
          server.closeAllConnections();
          await once(server, 'close');
        },
      };
    },
  };
}

for (const [how, toListener] of Object.entries(servers)) {
  describe(`adapter contract: toFetchHandler with ${how}`, () => {
    for (const contractCase of adapterContract) {
      test(contractCase.name, ({ skip }) =>
        runCase(
          contractCase,
          () => subject(toListener),
          async () => undefined,
          skip,
        ),
      );
    }
  });
}

const post = (
  body: string | ReadableStream<Uint8Array> | null,
  headers: Record<string, string> = {},
  url = URL_OF_ENDPOINT,
) => new Request(url, { method: 'POST', body, headers, duplex: 'half' });

const text = JSON.stringify(sampleEvents.imageSucceeded());

describe('toFetchHandler', () => {
  test('returns a Response with status, headers and body of the reply', async () => {
    const handler = toFetchHandler(setUp().receiver);
    const response = await handler(post('{}'));
    expect(response).toBeInstanceOf(Response);
    expect(response.status).toBe(401);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('www-authenticate')).toMatch(/./);
    expect(await response.json()).toMatchObject({ code: 'unauthorized' });
  });

  test('accepts a signed delivery to an absolute URL', async () => {
    const { receiver } = setUp({ onTaskSucceeded: () => undefined });
    const { url, body } = await signedDelivery(receiver, sampleEvents.imageSucceeded());
    const response = await toFetchHandler(receiver)(post(body as string, {}, url));
    expect([response.status, await response.json()]).toEqual([200, { status: 'accepted' }]);
  });

  test('accepts options and throws if they are invalid', async () => {
    const tasks: string[] = [];
    const handler = toFetchHandler({
      logger: false,
      insecure: true,
      onTaskFinished: ({ task }) => tasks.push(task.task_id),
    });
    expect((await handler(post(text))).status).toBe(200);
    expect(tasks).toHaveLength(1);
    expect(() => toFetchHandler({})).toThrow(expect.objectContaining({ code: 'invalid_option' }));
  });

  test('returns 400 without a body and 500 if the body was already read', async () => {
    const handler = toFetchHandler(createReceiver({ logger: false, insecure: true }));
    expect((await handler(post(null))).status).toBe(400);
    const read = post(text);
    await read.text();
    const response = await handler(read);
    expect([response.status, await response.json()]).toMatchObject([
      500,
      { code: 'body_already_read' },
    ]);
  });

  test('returns 500 if the body is locked by another reader', async () => {
    const handler = toFetchHandler(createReceiver({ logger: false, insecure: true }));
    const locked = post(text);
    locked.body?.getReader();
    expect((await handler(locked)).status).toBe(500);
  });

  test('returns 413 without reading if content-length is too large', async () => {
    const asked: number[] = [];
    const body = new ReadableStream<Uint8Array>(
      { pull: (controller) => (asked.push(1), controller.enqueue(new Uint8Array(10))) },
      { highWaterMark: 0 },
    );
    const handler = toFetchHandler({
      logger: false,
      insecure: true,
      limits: { maxBodyBytes: 100 },
    });
    expect((await handler(post(body, { 'content-length': '101' }))).status).toBe(413);
    expect(asked).toEqual([]);
  });

  // The reader releases its lock and does not cancel: cancelling destroys a stream of Node.
  test('returns 413 and releases the stream if the body is too large', async () => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1000;
        controller.enqueue(new Uint8Array(1000));
      },
    });
    const handler = toFetchHandler({
      logger: false,
      insecure: true,
      limits: { maxBodyBytes: 10_000 },
    });
    const request = post(body);
    expect((await handler(request)).status).toBe(413);
    expect(sent).toBeLessThan(20_000);
    expect(request.body?.locked).toBe(false);
  });

  test('returns 408 after bodyTimeoutMs and releases the stream', async () => {
    const { clock, receiver } = setUp({ insecure: true, limits: { bodyTimeoutMs: 1000 } });
    const body = new ReadableStream<Uint8Array>();
    const request = post(body);
    const response = track(toFetchHandler(receiver)(request));
    await clock.advance(999);
    expect([response.settled, request.body?.locked]).toEqual([false, true]);
    await clock.advance(1);
    expect(response.value?.status).toBe(408);
    expect(request.body?.locked).toBe(false);
    expect(clock.timers()).toBe(0);
  });

  test('returns 400 if the body stream errors', async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error('gone')),
    });
    const response = await toFetchHandler({ logger: false, insecure: true })(post(body));
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { code: 'body_incomplete' },
    ]);
  });

  test('calls waitUntil as a method of its context', async () => {
    const context = {
      called: 0,
      waitUntil() {
        if (this !== context) throw new TypeError('Illegal invocation');
        this.called += 1;
      },
    };
    const handler = toFetchHandler({
      logger: false,
      secret: TEST_SECRET,
      onTaskFinished: () => undefined,
    });
    expect((await handler(post('{}'), context)).status).toBe(401);
    const open = toFetchHandler({ logger: false, insecure: true, onTaskFinished: () => undefined });
    expect((await open(post(text), context)).status).toBe(200);
    expect(context.called).toBe(1);
  });

  test('accepts a context without waitUntil, or no context', async () => {
    const handler = toFetchHandler({
      logger: false,
      insecure: true,
      onTaskFinished: () => undefined,
    });
    expect((await handler(post(text), {})).status).toBe(200);
    expect((await handler(post(text))).status).toBe(200);
  });
});

describe('toFetchHandler: a function', () => {
  const post = (url: string) =>
    new Request(url, { method: 'POST', body: JSON.stringify(sampleEvents.imageSucceeded()) });

  test('is called once, by the first request', async () => {
    const { receiver } = setUp({ onTaskSucceeded: () => undefined });
    let calls = 0;
    const handler = toFetchHandler(() => {
      calls += 1;
      return receiver;
    });
    expect(calls).toBe(0);
    const { url } = await receiver.createCallback();
    expect((await handler(post(url))).status).toBe(200);
    expect((await handler(post(url))).status).toBe(200);
    expect(calls).toBe(1);
  });

  test('that throws rejects the request, and is called again by the next one', async () => {
    const { receiver } = setUp({ onTaskSucceeded: () => undefined });
    const env: { secret?: string } = {};
    const handler = toFetchHandler(() =>
      env.secret ? receiver : createReceiver({ secret: env.secret }),
    );
    const { url } = await receiver.createCallback();
    await expect(handler(post(url))).rejects.toThrow(/secret is missing/);
    env.secret = 'set';
    expect((await handler(post(url))).status).toBe(200);
  });

  test('must return a receiver', async () => {
    const handler = toFetchHandler((() => undefined) as never);
    await expect(handler(post('http://localhost/'))).rejects.toThrow(
      /got undefined instead of a receiver/,
    );
  });
});
