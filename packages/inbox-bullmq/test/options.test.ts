import { bullmqInbox } from '@novita-webhooks/inbox-bullmq';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';

import { createClient } from '../src/connection/client.ts';
import {
  afterwards,
  createTestEntry,
  stateOf,
  until,
  useConsumption,
  useInbox,
  usePlace,
} from './support/inbox.ts';
import { hasRedisServer, startRedisServer } from './support/redis-server.ts';

const connection = 'redis://127.0.0.1:1';

describe('options: rejected are', () => {
  test.each([0, -1, NaN, Infinity, 2 ** 31])('times of %d ms', (ms) => {
    expect(() => bullmqInbox({ connection, leaseDurationMs: ms })).toThrow(/leaseDurationMs/);
    expect(() => bullmqInbox({ connection, commandTimeoutMs: ms })).toThrow(/commandTimeoutMs/);
  });

  test.each(['', 'localhost:6379', 'http://127.0.0.1:6379', 'redis://127.0.0.1:6379/x'])(
    'the connection %j: no URL of Redis',
    (text) => {
      expect(() => bullmqInbox({ connection: text })).toThrow(/not a URL of Redis. Pass a URL as/);
    },
  );

  test.each([undefined, null, 6379, [], { db: 'x' }, { db: -1 }])('the connection %j', (value) => {
    const wrong = value as unknown as string;
    expect(() => bullmqInbox({ connection: wrong })).toThrow(/^inbox-bullmq: connection.*\.$/);
  });

  test('an address of the command line, whose parameters ioredis ignores', () => {
    for (const name of ['prefix', 'queueNamePrefix']) {
      const inbox = () => bullmqInbox({ connection: `${connection}?${name}=x` });
      expect(inbox).toThrow(`has the parameter ${name}, as an address of the command line.`);
    }
  });

  test('unknown options, and names all that it knows', () => {
    const inbox = () => bullmqInbox({ connection, ...{ prefixes: 'x' } });
    expect(inbox).toThrow(/prefixes is unknown\. Known: connection, prefix, .*retention/);
  });

  test('a wrong URL, without its password in the message', () => {
    const inbox = () => bullmqInbox({ connection: 'http://user:hidden@127.0.0.1' });
    expect(inbox).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hidden') as string }),
    );
  });

  test('key prefixes of ioredis, in every form of `connection`', () => {
    const client = new Redis({ lazyConnect: true, keyPrefix: 'mine:' });
    for (const source of [`${connection}?keyPrefix=mine:`, { keyPrefix: 'mine:' }, client]) {
      expect(() => bullmqInbox({ connection: source })).toThrow(/keyPrefix/);
    }
  });
});

test('options: timeouts and retries of the connection of the caller have no effect', () => {
  const strict = {
    commandTimeout: 1,
    socketTimeout: 1,
    maxRetriesPerRequest: 3,
    sentinelRetryStrategy: () => null,
    lazyConnect: true,
  };
  const url = `${connection}?commandTimeout=1&socketTimeout=1&maxRetriesPerRequest=3`;
  for (const source of [strict, new Redis(strict), url]) {
    const { options } = createClient(source, 500).client;
    expect(options).toMatchObject({
      commandTimeout: undefined,
      socketTimeout: undefined,
      maxRetriesPerRequest: 0,
    });
    expect(options.sentinelRetryStrategy?.(1)).toBeGreaterThan(0);
  }
});

describe.skipIf(!hasRedisServer('options of the BullMQ inbox'))('options', () => {
  test('a lease with a fraction of a millisecond works', async () => {
    const server = await startRedisServer();
    afterwards(server.close);
    const inbox = useInbox(server.url, usePlace(server.url), { leaseDurationMs: 1000 / 3 });
    const entry = createTestEntry();
    await inbox.add(entry);
    useConsumption(inbox, async () => ({ type: 'done' }));
    await until('done', async () => (await stateOf(inbox, entry)) === 'done', 2000);
  });

  test('the commandTimeout of the caller does not end a command', async () => {
    const server = await startRedisServer();
    afterwards(server.close);
    const options = { port: server.port, commandTimeout: 100 };
    const inbox = bullmqInbox({ connection: options, commandTimeoutMs: 3000 });
    afterwards(() => inbox.close());
    await inbox.add(createTestEntry());
    await server.redis.client('PAUSE', 500, 'ALL');
    expect(await inbox.add(createTestEntry())).toBe('added');
  });
});
