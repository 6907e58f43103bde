import type { Logger } from '@novita-webhooks/core';
import { describe, expect, test } from 'vitest';

import { warningsFor, type Settings } from '../src/durability.ts';
import { afterwards, silent, until, useInbox, usePlace } from './support/inbox.ts';
import { ALWAYS, hasRedisServer, startRedisServer } from './support/redis-server.ts';

const SAFE: Settings = {
  appendonly: true,
  appendfsync: 'always',
  policy: 'noeviction',
  restsInRewrite: false,
  replicas: 0,
};

test('of replicas it is said that they may take over too early', () => {
  expect(warningsFor({ ...SAFE, replicas: 1 })).toEqual([expect.stringMatching(/replicas/)]);
});

test('nothing is said of a Redis that loses nothing', () => {
  expect(warningsFor(SAFE)).toEqual([]);
});

describe.skipIf(!hasRedisServer('what is said of how Redis is configured'))('at the start', () => {
  test.each<[string, readonly string[], readonly RegExp[]]>([
    ['nothing, when all is on disk', ALWAYS, []],
    ['that nothing is on disk', [], [/no append-only file/]],
    ['that a second may be lost', ['--appendonly', 'yes'], [/appendfsync everysec/]],
    ['that it may be half a minute', [...ALWAYS.slice(0, 3), 'no'], [/appendfsync no/]],
    [
      'that a rewrite is not waited for',
      [...ALWAYS, '--no-appendfsync-on-rewrite', 'yes'],
      [/no-appendfsync-on-rewrite/],
    ],
    [
      'that data may be thrown away',
      [...ALWAYS, '--maxmemory-policy', 'volatile-lru'],
      [/maxmemory-policy volatile-lru/],
    ],
    [
      'what it tells, where CONFIG is forbidden',
      [...ALWAYS, '--maxmemory-policy', 'allkeys-lru', '--rename-command', 'CONFIG', ''],
      [/maxmemory-policy allkeys-lru/],
    ],
  ])('it is said %s', async (_, settings, expected) => {
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
    await until(
      'asked',
      () => reassurances.length + warnings.length >= Math.max(1, expected.length),
    );
    expect(warnings).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(warnings[index]).toMatch(pattern);
  });

  test('it is no reason to fail when it cannot be asked', async () => {
    const warnings: string[] = [];
    const log: Logger = { ...silent, warn: (_, message) => warnings.push(message) };
    const inbox = useInbox('redis://127.0.0.1:1', { prefix: 'nowhere' });
    inbox.open?.(log);
    await until('said', () => warnings.length === 1);
    expect(warnings[0]).toContain('appendfsync always');
  });
});
