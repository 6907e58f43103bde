import type { Logger } from '@novita-webhooks/core';
import { describe, expect, test } from 'vitest';

import { warningsFor, type Settings } from '../src/connection/durability.ts';
import { afterwards, silent, until, useInbox, usePlace } from './support/inbox.ts';
import { ALWAYS, hasRedisServer, startRedisServer } from './support/redis-server.ts';

const SAFE: Settings = {
  appendonly: true,
  appendfsync: 'always',
  policy: 'noeviction',
  skipsFsync: false,
  replicas: 0,
  aheadMs: 20,
};

test('durability: warns of replicas, which may take over too early', () => {
  expect(warningsFor({ ...SAFE, replicas: 1 })).toEqual([expect.stringMatching(/replicas/)]);
});

test('durability: warns of a clock that differs by more than a second', () => {
  for (const aheadMs of [-1500, 1500]) {
    expect(warningsFor({ ...SAFE, aheadMs })).toEqual([expect.stringContaining(`${aheadMs} ms`)]);
  }
});

test('durability: does not warn of a Redis that loses nothing', () => {
  expect(warningsFor(SAFE)).toEqual([]);
});

describe.skipIf(!hasRedisServer('what the inbox logs of the configuration of Redis'))(
  'durability',
  () => {
    test.each<[string, readonly string[], readonly RegExp[]]>([
      ['nothing when all is on disk', ALWAYS, []],
      ['of a Redis without an append-only file', [], [/no append-only file/]],
      ['of appendfsync everysec', ['--appendonly', 'yes'], [/appendfsync everysec/]],
      ['of appendfsync no', [...ALWAYS.slice(0, 3), 'no'], [/appendfsync no/]],
      [
        'of no-appendfsync-on-rewrite',
        [...ALWAYS, '--no-appendfsync-on-rewrite', 'yes'],
        [/no-appendfsync-on-rewrite/],
      ],
      [
        'of another maxmemory-policy than noeviction',
        [...ALWAYS, '--maxmemory-policy', 'volatile-lru'],
        [/maxmemory-policy volatile-lru/],
      ],
      [
        'of what INFO tells where CONFIG is forbidden',
        [...ALWAYS, '--maxmemory-policy', 'allkeys-lru', '--rename-command', 'CONFIG', ''],
        [/maxmemory-policy allkeys-lru/],
      ],
    ])('warns %s', async (_, settings, expected) => {
      const server = await startRedisServer(settings);
      afterwards(server.close);
      const warnings: string[] = [];
      const reassurances: string[] = [];
      const log: Logger = {
        ...silent,
        warn: (_details, message) => warnings.push(message),
        debug: (_details, message) => reassurances.push(message),
      };
      const inbox = useInbox(server.url, usePlace(server.url));
      inbox.open?.(log);
      await inbox.stats();
      await until(
        'asked',
        () => reassurances.length + warnings.length >= Math.max(1, expected.length),
      );
      expect(warnings).toHaveLength(expected.length);
      for (const [index, pattern] of expected.entries()) expect(warnings[index]).toMatch(pattern);
    });

    test('warns when the settings cannot be read', async () => {
      const server = await startRedisServer();
      afterwards(server.close);
      await server.redis.call('ACL', 'SETUSER', 'half', 'on', '>word', '~*', '+@all', '-info');
      const warnings: string[] = [];
      const log: Logger = { ...silent, warn: (_, message) => warnings.push(message) };
      const inbox = useInbox(server.url.replace('//', '//half:word@'), { prefix: 'half' });
      inbox.open?.(log);
      await inbox.stats();
      await until('said', () => warnings.length === 1);
      expect(warnings[0]).toContain('appendfsync always');
    });
  },
);
