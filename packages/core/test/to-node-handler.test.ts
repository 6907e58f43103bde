import { createReceiver, type Receiver } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import {
  adapterContract,
  createFakeInbox,
  runCase,
  sampleEvents,
  TEST_SECRET,
  type AdapterSubject,
  type PriorMiddleware,
} from '@novita-webhooks/testing';
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';

import { defineThrowingBody } from '../../../test/support/define-throwing-body.ts';
import { parseBigInts } from '../../../test/support/parse-bigints.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;
interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

async function listenHttp(listener: RequestListener): Promise<Listening> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** Listens with HTTP/2. Its requests and responses have the API of HTTP/1. */
async function listenHttp2(listener: RequestListener): Promise<Listening> {
  const server = createHttp2Server(listener as never);
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => sessions.add(session));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      for (const session of sessions) session.destroy();
      await once(server, 'close');
    },
  };
}

async function readAll(request: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Body parsers that applications run before the handler. */
const parsers: Partial<Record<PriorMiddleware, (request: IncomingMessage) => Promise<unknown>>> = {
  json: async (request) =>
    Object.assign(request, { body: JSON.parse((await readAll(request)).toString()) as unknown }),
  raw: async (request) => Object.assign(request, { body: await readAll(request) }),
  text: async (request) => Object.assign(request, { body: (await readAll(request)).toString() }),
  rawBody: async (request) => Object.assign(request, { rawBody: await readAll(request) }),
  bigint: async (request) =>
    Object.assign(request, { body: parseBigInts((await readAll(request)).toString()) }),
  tap: async (request) => request.on('data', () => undefined),
  drain: (request) => readAll(request),
  throws: async (request) => defineThrowingBody(request),
};

const servers = {
  'node:http': { listen: listenHttp, scheme: 'http', isHttp2: false },
  'node:http2': { listen: listenHttp2, scheme: 'h2c', isHttp2: true },
} as const;

const PATH = '/webhooks/novita';

function subject({ listen, scheme, isHttp2 }: (typeof servers)[keyof typeof servers]) {
  return {
    parsers: Object.keys(parsers) as PriorMiddleware[],
    http2: isHttp2,
    closesConnections: !isHttp2,
    async serve(receiver, before) {
      let passedOn = 0;
      const handler = toNodeHandler(receiver);
      const answer: Answer = async (request, response) => {
        if (before !== undefined) await parsers[before]?.(request);
        await handler(request, response);
      };
      const { port, close } = await listen((request, response) => {
        answer(request, response).catch(() => (passedOn += 1));
      });
      return { url: `${scheme}://127.0.0.1:${port}${PATH}`, passedOn: () => passedOn, close };
    },
  } satisfies AdapterSubject;
}

for (const [version, server] of Object.entries(servers)) {
  describe(`adapter contract: toNodeHandler with ${version}`, () => {
    for (const contractCase of adapterContract) {
      test(contractCase.name, ({ skip }) =>
        runCase<AdapterSubject>(
          contractCase,
          () => subject(server),
          async () => undefined,
          skip,
        ),
      );
    }
  });
}

const clean: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const undo of clean.splice(0).reverse()) await undo();
});

async function serve(listener: RequestListener): Promise<string> {
  const { port, close } = await listenHttp(listener);
  clean.push(close);
  return `http://127.0.0.1:${port}${PATH}`;
}

function opened(receiver: Receiver): Receiver {
  clean.push(() => receiver.close({ gracePeriodMs: 0 }));
  return receiver;
}

describe('toNodeHandler', () => {
  test('starts to handle the entries that the inbox already holds', async () => {
    const inbox = createFakeInbox();
    const first = createReceiver({ logger: false, insecure: true, inbox });
    const body = JSON.stringify(sampleEvents.imageSucceeded({ taskId: 'left over' }));
    await first.handle({ method: 'POST', url: '/', headers: {}, body });
    const tasks: string[] = [];
    const receiver = opened(createReceiver({ logger: false, insecure: true, inbox }));
    receiver.onTaskFinished(({ task }) => tasks.push(task.task_id));
    toNodeHandler(receiver);
    await expect.poll(() => tasks).toEqual(['left over']);
  });

  test('throws if the options are invalid', () => {
    expect(() => toNodeHandler({ logger: false, secret: 'short' })).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });

  test('accepts options', async () => {
    const tasks: string[] = [];
    const handler = toNodeHandler({
      logger: false,
      insecure: true,
      onTaskFinished: ({ task }) => tasks.push(task.task_id),
    });
    const url = await serve((request, response) => void handler(request, response));
    const body = JSON.stringify(sampleEvents.failed({ taskId: 'one' }));
    expect((await fetch(url, { method: 'POST', body })).status).toBe(200);
    await expect.poll(() => tasks).toEqual(['one']);
  });

  test('keeps response headers that were set before', async () => {
    const handler = toNodeHandler(opened(createReceiver({ logger: false, secret: TEST_SECRET })));
    const url = await serve((request, response) => {
      response.setHeader('x-request-id', '42');
      void handler(request, response);
    });
    const reply = await fetch(url, { method: 'POST', body: '{}' });
    expect([reply.status, reply.headers.get('x-request-id')]).toEqual([401, '42']);
  });

  test('does nothing if the response has already ended', async () => {
    const handler = toNodeHandler(opened(createReceiver({ logger: false, insecure: true })));
    const errors: unknown[] = [];
    const url = await serve((request, response) => {
      response.end('already');
      handler(request, response).catch((error: unknown) => errors.push(error));
    });
    expect(await (await fetch(url, { method: 'POST', body: '{}' })).text()).toBe('already');
    expect(errors).toEqual([]);
  });
});
