import { describe, expect, test } from 'vitest';

import { afterwards, createTestEntry, useInbox, usePlace } from './support/inbox.ts';
import { hasRedisServer, startRedisServer } from './support/redis-server.ts';

const suite = describe.skipIf(!hasRedisServer('what is said when Redis refuses'));

suite('an event that Redis does not take', () => {
  test('because the password is wrong', async () => {
    const server = await startRedisServer();
    afterwards(server.close);
    await server.redis.config('SET', 'requirepass', 'right');
    for (const url of [server.url, server.url.replace('//', '//:wrong@')]) {
      await expectRefusal(url, /refuses the password/);
    }
  });

  test('because the user may not', async () => {
    const server = await startRedisServer();
    afterwards(server.close);
    await server.redis.call('ACL', 'SETUSER', 'poor', 'on', '>word', '~*', '+@connection', '+info');
    await expectRefusal(server.url.replace('//', '//poor:word@'), /may not do this/);
  });

  test('because the user may not do all of it: it is taken when they may', async () => {
    const server = await startRedisServer();
    afterwards(server.close);
    await server.redis.call('ACL', 'SETUSER', 'half', 'on', '>word', '~*', '+@all', '-@stream');
    const inbox = useInbox(server.url.replace('//', '//half:word@'), { prefix: 'half' });
    const entry = createTestEntry();
    await expect(inbox.add(entry)).rejects.toThrow(/may not do this/);
    await expect(inbox.add(entry)).rejects.toThrow(/may not do this/);
    await server.redis.call('ACL', 'SETUSER', 'half', '+@stream');
    expect(await inbox.add(entry)).toBe('added');
  });

  test('because it is a replica', async () => {
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

  test('because nobody is there', async () => {
    await expectRefusal('redis://127.0.0.1:1', /cannot be reached/);
  });
});

async function expectRefusal(url: string, message: RegExp): Promise<void> {
  const inbox = useInbox(url, { prefix: 'nowhere' }, { commandTimeoutMs: 500 });
  await expect(inbox.add(createTestEntry())).rejects.toThrow(message);
  await expect(inbox.add(createTestEntry())).rejects.toMatchObject({ code: 'inbox_unavailable' });
}
