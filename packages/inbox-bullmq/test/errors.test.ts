import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

import { describe, expect, test } from 'vitest';

import { createCertificate, hasOpenssl } from '../../../test/support/certificate.ts';

import { afterwards, createTestEntry, useInbox, usePlace } from './support/inbox.ts';
import { hasRedisServer, startRedisServer } from './support/redis-server.ts';

const suite = describe.skipIf(!hasRedisServer('the errors of the BullMQ inbox'));

suite('errors: an add is rejected', () => {
  test('when the password is wrong', async () => {
    const server = await startRedisServer();
    afterwards(server.close);
    await server.redis.config('SET', 'requirepass', 'right');
    for (const url of [server.url, server.url.replace('//', '//:wrong@')]) {
      await expectRefusal(url, /rejected the password/);
    }
  });

  test('when the user lacks every permission', async () => {
    const server = await startRedisServer();
    afterwards(server.close);
    await server.redis.call('ACL', 'SETUSER', 'poor', 'on', '>word', '~*', '+@connection', '+info');
    await expectRefusal(server.url.replace('//', '//poor:word@'), /lacks a permission/);
  });

  test('when the user lacks one permission, and accepted when it is granted', async () => {
    const server = await startRedisServer();
    afterwards(server.close);
    await server.redis.call('ACL', 'SETUSER', 'half', 'on', '>word', '~*', '+@all', '-@stream');
    const inbox = useInbox(server.url.replace('//', '//half:word@'), { prefix: 'half' });
    const entry = createTestEntry();
    await expect(inbox.add(entry)).rejects.toThrow(/lacks a permission/);
    await expect(inbox.add(entry)).rejects.toThrow(/lacks a permission/);
    await server.redis.call('ACL', 'SETUSER', 'half', '+@stream');
    expect(await inbox.add(entry)).toBe('added');
  });

  test('when Redis is a replica, and accepted when it is a master', async () => {
    const server = await startRedisServer();
    afterwards(server.close);
    const inbox = useInbox(server.url, usePlace(server.url));
    await inbox.add(createTestEntry());
    await server.redis.replicaof('127.0.0.1', 1);
    await expect(inbox.add(createTestEntry())).rejects.toThrow(/it is a replica/);
    await server.redis.replicaof('NO', 'ONE');
    await expect
      .poll(() => inbox.add(createTestEntry()).catch(String), { timeout: 4000 })
      .toBe('added');
  });

  test('when the database does not exist, at every call: ioredis would go on in database 0', async () => {
    const server = await startRedisServer();
    afterwards(server.close);
    await expectRefusal(`${server.url}/99`, /has no database of that number/);
    expect(await server.redis.dbsize()).toBe(0);
  });

  test.each(['used', 'not used'])('with closing after the inbox was closed, %s', async (how) => {
    const server = await startRedisServer();
    afterwards(server.close);
    const inbox = useInbox(server.url, usePlace(server.url));
    if (how === 'used') await inbox.add(createTestEntry());
    await inbox.close();
    const key = createTestEntry();
    for (const call of [inbox.list(), inbox.stats(), inbox.get(key), inbox.add(key)]) {
      await expect(call).rejects.toMatchObject({ code: 'closing' });
    }
  });

  test('when Redis has no TLS, and the URL asks for it', async () => {
    const server = await startRedisServer();
    afterwards(server.close);
    const hint = /use rediss:\/\/ only for a port with TLS/;
    await expectRefusal(server.url.replace('redis:', 'rediss:'), hint);
  });
});

describe('errors: an add is rejected', () => {
  test.each([
    ['no server', 'redis://127.0.0.1:1', /cannot be reached. Check that it runs/],
    ['an unknown host', 'redis://novita-webhooks.invalid', /cannot be reached. Check that it runs/],
    ['no socket', '/novita-webhooks/no.sock', /no usable socket at the path/],
  ])('when at the address there is %s', async (_, url, message) => {
    await expectRefusal(url, message);
  });

  test('when an HTTP server is at the address', async () => {
    const port = await listen(createHttpServer());
    await expectRefusal(`redis://127.0.0.1:${port}`, /another server than Redis answers/);
    await expectRefusal(`rediss://127.0.0.1:${port}`, /the TLS handshake failed/);
  });

  test('when the server at the address is silent', async () => {
    const port = await listen(createServer());
    await expectRefusal(`redis://127.0.0.1:${port}`, /does not answer in time/);
    await expectRefusal(`rediss://127.0.0.1:${port}`, /cannot be reached in time/);
  });

  test.skipIf(!hasOpenssl())(
    'when the certificate is not trusted, or TLS not asked for',
    async () => {
      const port = await listen(createTlsServer(createCertificate()));
      await expectRefusal(`rediss://127.0.0.1:${port}`, /the certificate of Redis was rejected/);
      await expectRefusal(`redis://127.0.0.1:${port}`, /use rediss:\/\/ if its port expects TLS/);
    },
  );
});

async function listen(server: Server): Promise<number> {
  server.on('tlsClientError', () => undefined);
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => undefined);
    afterwards(async () => void socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterwards(async () => void server.close());
  return (server.address() as AddressInfo).port;
}

async function expectRefusal(url: string, message: RegExp): Promise<void> {
  const inbox = useInbox(url, { prefix: 'nowhere' }, { commandTimeoutMs: 500 });
  await expect(inbox.add(createTestEntry())).rejects.toThrow(message);
  await expect(inbox.add(createTestEntry())).rejects.toMatchObject({ code: 'inbox_unavailable' });
}
