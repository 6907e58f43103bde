import { bullmqInbox } from '@novita-webhooks/inbox-bullmq';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';

import { createClient } from '../src/client.ts';
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

describe('refused are', () => {
  test.each([0, -1, NaN, Infinity, 2 ** 31])('times of %d ms', (ms) => {
    expect(() => bullmqInbox({ connection, leaseDurationMs: ms })).toThrow(/leaseDurationMs/);
    expect(() => bullmqInbox({ connection, commandTimeoutMs: ms })).toThrow(/commandTimeoutMs/);
  });

  test('key prefixes of ioredis, wherever they are hidden', () => {
    const client = new Redis({ lazyConnect: true, keyPrefix: 'mine:' });
    for (const source of [`${connection}?keyPrefix=mine:`, { keyPrefix: 'mine:' }, client]) {
      expect(() => bullmqInbox({ connection: source })).toThrow(/keyPrefix/);
    }
  });
});

test('how patient a client is set to be does not matter, nor that it gives Sentinel up', () => {
  const impatient = {
    commandTimeout: 1,
    socketTimeout: 1,
    maxRetriesPerRequest: 3,
    sentinelRetryStrategy: () => null,
    lazyConnect: true,
  };
  const url = `${connection}?commandTimeout=1&socketTimeout=1&maxRetriesPerRequest=3`;
  for (const source of [impatient, new Redis(impatient), url]) {
    const { options } = createClient(source, { commandTimeoutMs: 500 });
    expect(options).toMatchObject({
      commandTimeout: undefined,
      socketTimeout: undefined,
      maxRetriesPerRequest: 0,
    });
    expect(options.sentinelRetryStrategy?.(1)).toBeGreaterThan(0);
  }
});

describe.skipIf(!hasRedisServer('what becomes of odd options'))('with Redis', () => {
  test('a lease of a part of a millisecond is as good as any', async () => {
    const server = await startRedisServer();
    afterwards(server.close);
    const inbox = useInbox(server.url, usePlace(server.url), { leaseDurationMs: 1000 / 3 });
    const entry = createTestEntry();
    await inbox.add(entry);
    useConsumption(inbox, async () => ({ type: 'done' }));
    await until('done', async () => (await stateOf(inbox, entry)) === 'done', 2000);
  });

  test('somebody who is impatient with commands waits for markers all the same', async () => {
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
