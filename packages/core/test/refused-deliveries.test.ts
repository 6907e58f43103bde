import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { toLambdaHandler } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import { sampleEvents } from '@novita-webhooks/testing';
import { describe, expect, onTestFinished, test } from 'vitest';

import { setUp } from './helpers.ts';

describe('receiver.refusedDeliveries', () => {
  test('lists the last 100, the latest first, with time, status, code and address', async () => {
    const { receiver, clock } = setUp();
    const refuse = (method: string, remoteAddress?: string) =>
      receiver.handle({ method, url: '/', headers: {}, body: '', remoteAddress });
    await refuse('GET', '192.0.2.1');
    clock.skip(1000);
    await refuse('POST');
    const at = clock.now();
    const wrongMethod = { status: 405, code: 'method_not_allowed', address: '192.0.2.1' };
    expect(receiver.refusedDeliveries()).toEqual([
      { at, status: 401, code: 'unauthorized', token: 'missing', address: null },
      { at: at - 1000, ...wrongMethod, token: null },
    ]);
    for (let count = 0; count < 150; count += 1) await refuse('GET', `192.0.2.${count}`);
    const addresses = receiver.refusedDeliveries().map(({ address }) => address);
    expect(addresses).toHaveLength(100);
    expect([addresses[0], addresses.at(-1)]).toEqual(['192.0.2.149', '192.0.2.50']);
  });

  test('lists no delivery that was answered 2xx', async () => {
    const { receiver } = setUp({ insecure: true });
    const body = { parsed: sampleEvents.imageSucceeded() };
    await receiver.handle({ method: 'POST', url: '/', headers: {}, body });
    expect(receiver.refusedDeliveries()).toEqual([]);
  });

  test('takes the address of the connection, and that of API Gateway', async () => {
    const { receiver } = setUp();
    const handler = toNodeHandler(receiver);
    const server = createServer((request, response) => void handler(request, response));
    server.listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await fetch(`http://127.0.0.1:${port}/`);
    const lambda = toLambdaHandler(receiver);
    await lambda({ requestContext: { http: { method: 'GET', sourceIp: '192.0.2.7' } } });
    await lambda({ httpMethod: 'GET', requestContext: { identity: { sourceIp: '192.0.2.8' } } });
    const addresses = receiver.refusedDeliveries().map(({ address }) => address);
    expect(addresses).toEqual(['192.0.2.8', '192.0.2.7', '127.0.0.1']);
  });

  test('keeps nothing long that a sender chose, and survives a request that cannot be read', async () => {
    const { receiver } = setUp();
    const request = { method: 'GET', url: '/', headers: {}, body: '' };
    await receiver.handle({ ...request, remoteAddress: 'x'.repeat(10_000) });
    await receiver.handle(
      Object.defineProperty({ ...request }, 'remoteAddress', {
        get: () => {
          throw new Error('the socket is gone');
        },
      }),
    );
    const addresses = receiver.refusedDeliveries().map(({ address }) => address);
    expect(addresses).toEqual([null, 'x'.repeat(64)]);
  });
});
