import { describe, expect, test } from 'vitest';

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

  test('when Redis cannot be reached', async () => {
    await expectRefusal('redis://127.0.0.1:1', /cannot be reached/);
  });
});

async function expectRefusal(url: string, message: RegExp): Promise<void> {
  const inbox = useInbox(url, { prefix: 'nowhere' }, { commandTimeoutMs: 500 });
  await expect(inbox.add(createTestEntry())).rejects.toThrow(message);
  await expect(inbox.add(createTestEntry())).rejects.toMatchObject({ code: 'inbox_unavailable' });
}
