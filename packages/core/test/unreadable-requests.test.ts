import { toFetchHandler, toLambdaHandler, type WebhookReply } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import { sampleEvents } from '@novita-webhooks/testing';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';

import { codeOf, ENDPOINT, noop, setUp, type Setup } from './helpers.ts';

const BODY = JSON.stringify(sampleEvents.imageSucceeded());
const fail = (): never => {
  throw new Error('cannot be read');
};

/** The object with one property that throws when it is read. */
function breakProperty<T extends object>(target: T, name: string): T {
  return Object.defineProperty(target, name, { get: fail, set: () => undefined });
}

/** Node itself still reads the intact request. */
function viewWithout(request: IncomingMessage, name: string): IncomingMessage {
  return new Proxy(request, {
    get(target, key) {
      if (key === name) return fail();
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const urlOf = async ({ receiver }: Setup, isSigned: boolean) =>
  isSigned ? (await receiver.createCallback()).url : ENDPOINT;

describe('handle: a part of the request that throws', () => {
  const request = (url: string) => ({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json' },
    body: BODY,
  });
  const reply = async (name: string, isSigned: boolean) => {
    const setup = setUp();
    return setup.receiver.handle(breakProperty(request(await urlOf(setup, isSigned)), name));
  };

  test.each([
    ['method', 405, 405],
    ['url', 401, 401],
    ['headers', 401, 200],
    ['body', 401, 400],
  ])('%s: %i without a token, %i with one', async (name, without, signed) => {
    expect((await reply(name, false)).status).toBe(without);
    expect((await reply(name, true)).status).toBe(signed);
  });

  test.each(['content-type', 'content-length', 'content-encoding'])(
    'the header %s counts as absent',
    async (name) => {
      const setup = setUp();
      const headers = breakProperty({}, name);
      const url = await urlOf(setup, true);
      expect((await setup.receiver.handle({ ...request(url), headers })).status).toBe(200);
    },
  );

  test.each([
    ['no request', undefined, 405],
    ['an empty object', {}, 405],
    ['no url', { method: 'POST' }, 401],
    ['a url that is no text', { method: 'POST', url: new URL(ENDPOINT) }, 401],
  ])('%s: a reply, no rejection', async (_, wrong, status) => {
    expect((await setUp().receiver.handle(wrong as never)).status).toBe(status);
  });

  test.each([
    ['headers are null', { headers: null, body: BODY }, 200],
    ['the body is null', { body: null }, 400],
    ['the body is a number', { body: 42 }, 400],
    ['the stream throws when it is opened', { body: { [Symbol.asyncIterator]: fail } }, 400],
    [
      'a getter inside a parsed body throws',
      {
        body: {
          parsed: {
            get a() {
              return fail();
            },
          },
        },
      },
      400,
    ],
    ['toJSON of a parsed body throws', { body: { parsed: { toJSON: fail } } }, 400],
    [
      'a parsed body is a proxy that throws',
      { body: { parsed: new Proxy({}, { ownKeys: fail }) } },
      400,
    ],
  ])('with a token, %s: %#', async (_, changes, status) => {
    const setup = setUp();
    const wrong = { ...request(await urlOf(setup, true)), ...changes };
    expect((await setup.receiver.handle(wrong as never)).status).toBe(status);
    expect(setup.log.messages('error')).toEqual([]);
  });
});

describe('toNodeHandler: a part of the request that throws', () => {
  /** A server that hands over a view of the request in which one property throws. */
  async function post(name: string, isSigned: boolean) {
    const setup = setUp();
    const handler = toNodeHandler(setup.receiver);
    const rejected: unknown[] = [];
    const server = createServer((request, response) => {
      handler(viewWithout(request, name), response).catch((error: unknown) => {
        rejected.push(error);
        response.destroy();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const { search } = new URL(await urlOf(setup, isSigned));
    const reply = await fetch(`http://127.0.0.1:${port}/${search}`, { method: 'POST', body: BODY });
    expect(rejected).toEqual([]);
    return reply.status;
  }

  test.each(['body', 'rawBody', 'readableEnded', 'destroyed', 'pause'])(
    '%s: 401 without a token, 400 with one',
    async (name) => {
      expect(await post(name, false)).toBe(401);
      expect(await post(name, true)).toBe(400);
    },
  );

  test.each([
    ['method', 405],
    ['url', 401],
    ['headers', 200],
    ['complete', 200],
    ['httpVersionMajor', 200],
  ])('%s: %i with a token', async (name, status) => {
    expect(await post(name, true)).toBe(status);
  });
});

describe('toFetchHandler: a part of the request that throws', () => {
  async function statusOf(name: string, isSigned: boolean) {
    const setup = setUp({ onTaskSucceeded: noop });
    const request = new Request(await urlOf(setup, isSigned), { method: 'POST', body: BODY });
    return (await toFetchHandler(setup.receiver)(breakProperty(request, name))).status;
  }

  test.each([
    ['method', 405, 405],
    ['url', 401, 401],
    ['headers', 401, 200],
    ['body', 401, 400],
    ['bodyUsed', 401, 400],
  ])('%s: %i without a token, %i with one', async (name, without, signed) => {
    expect(await statusOf(name, false)).toBe(without);
    expect(await statusOf(name, true)).toBe(signed);
  });

  test('a context whose waitUntil cannot be read counts as a context without it', async () => {
    const setup = setUp({ onTaskSucceeded: noop });
    const request = new Request(await urlOf(setup, true), { method: 'POST', body: BODY });
    const context = breakProperty({}, 'waitUntil');
    expect((await toFetchHandler(setup.receiver)(request, context as never)).status).toBe(200);
  });
});

describe('toLambdaHandler: a part of the event that throws', () => {
  async function statusOf(name: string, isSigned: boolean) {
    const setup = setUp({ onTaskSucceeded: noop });
    const event = {
      httpMethod: 'POST',
      queryStringParameters: Object.fromEntries(new URL(await urlOf(setup, isSigned)).searchParams),
      headers: { 'content-type': 'application/json' },
      body: BODY,
      isBase64Encoded: false,
    };
    const result = await toLambdaHandler(setup.receiver)(breakProperty(event, name));
    return result.statusCode;
  }

  test.each([
    ['httpMethod', 405, 405],
    ['queryStringParameters', 401, 401],
    ['headers', 401, 200],
    ['body', 401, 400],
    ['multiValueHeaders', 401, 200],
  ])('%s: %i without a token, %i with one', async (name, without, signed) => {
    expect(await statusOf(name, false)).toBe(without);
    expect(await statusOf(name, true)).toBe(signed);
  });

  test.each([[undefined], [null], ['text']])('the event %j: 405', async (event) => {
    expect((await toLambdaHandler(setUp().receiver)(event as never)).statusCode).toBe(405);
  });
});

test('the log of an unreadable body names the error', async () => {
  const setup = setUp();
  const url = await urlOf(setup, true);
  const request = breakProperty({ method: 'POST', url, headers: {} }, 'body');
  const reply: WebhookReply = await setup.receiver.handle(request as never);
  expect(codeOf(reply)).toBe('invalid_json');
  expect(setup.log.messages('warn').join('\n')).toMatch(/the body cannot be read.*cannot be read/);
});
