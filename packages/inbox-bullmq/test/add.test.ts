import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';

import { findRedis } from '../../../test/support/services.ts';
import {
  afterwards,
  createTestEntry,
  stateOf,
  until,
  useConsumption,
  useInbox,
  usePlace,
  useQueue,
} from './support/inbox.ts';
import { hasRedisServer, startRedisServer } from './support/redis-server.ts';
import { startTcpProxy } from '../../../test/support/tcp-proxy.ts';

const url = (await findRedis('adding to the BullMQ inbox')) ?? '';
/** The burst takes longer, each of its parts does not. */
const SLOW = { commandTimeoutMs: 4000 };
const program = fileURLToPath(new URL('support/add-all.ts', import.meta.url));

describe.skipIf(url === '')('add', () => {
  test('of copies from several processes one is added', async () => {
    const place = usePlace(url);
    const ids = Array.from({ length: 200 }, (_, index) => `task:${index}`);
    const work = JSON.stringify({ url, prefix: place.prefix, ids, times: 3 });
    const answers = await Promise.all([addAll(work), addAll(work), addAll(work)]);
    const added = answers.flat().filter((answer) => answer.endsWith(' added'));
    expect(answers.flat()).toHaveLength(3 * 3 * ids.length);
    expect(added.sort()).toEqual(ids.map((id) => `${id} added`).sort());
    const inbox = useInbox(url, place);
    expect((await inbox.stats()).pending).toBe(ids.length);
    expect((await inbox.list({ limit: 1000 })).entries).toHaveLength(ids.length);
  }, 60_000);

  test('of copies in one batch one is added, and one after a schema error', async () => {
    const inbox = useInbox(url, usePlace(url));
    const invalid = createTestEntry({ schemaError: 'images: not a list', body: '{"invalid":1}' });
    const fits = { ...invalid, schemaError: null, body: '{"fits":1}' };
    const all = [invalid, invalid, fits, fits, invalid].map((entry) => inbox.add(entry));
    expect(await Promise.all(all)).toEqual([
      'added',
      'duplicate',
      'added',
      'duplicate',
      'duplicate',
    ]);
    expect((await inbox.get(fits))?.body).toBe(fits.body);
    expect((await inbox.list()).entries).toHaveLength(1);
  });

  test.each(['pending', 'running', 'dead', 'delayed'] as const)(
    'an entry with a schema error that is %s gives way to one that fits',
    async (state) => {
      const place = usePlace(url);
      const [inbox, peer] = [useInbox(url, place), useInbox(url, place)];
      const invalid = createTestEntry({ schemaError: 'images: not a list' });
      const fits = { ...invalid, schemaError: null };
      await inbox.add(invalid);
      const signals: AbortSignal[] = [];
      if (state !== 'pending') {
        const consumption = useConsumption(inbox, async (_, signal) => {
          signals.push(signal);
          if (state === 'dead')
            return { type: 'dead', reason: 'schema error', succeededHandlers: [] };
          if (state === 'delayed')
            return { type: 'retry', delayMs: 1e9, reason: 'later', succeededHandlers: [] };
          await once(signal, 'abort');
          await consumption.stop({ gracePeriodMs: 0 });
          return { type: 'done' };
        });
        const expected = state === 'delayed' ? 'pending' : state;
        await until(
          state,
          async () => signals.length > 0 && (await stateOf(inbox, invalid)) === expected,
        );
        if (state !== 'running') await consumption.stop({ gracePeriodMs: 1000 });
      }
      expect(await inbox.add(fits)).toBe('added');
      expect(await inbox.get(fits)).toMatchObject({
        schemaError: null,
        reason: null,
        succeededHandlers: [],
      });
      const seen: (string | null)[] = [];
      useConsumption(peer, async ({ schemaError }) => {
        seen.push(schemaError);
        return { type: 'done' };
      });
      await until('done', async () => (await stateOf(inbox, fits)) === 'done');
      expect(seen).toEqual([null]);
      expect(await inbox.stats()).toMatchObject({ pending: 0, running: 0, done: 1, dead: 0 });
    },
  );

  test('an entry with a schema error and lone surrogates gives way as well', async () => {
    const inbox = useInbox(url, usePlace(url));
    const invalid = createTestEntry({ schemaError: 'images: \udc00', body: '{"text":"\ud800"}' });
    await inbox.add(invalid);
    expect(await inbox.add({ ...invalid, schemaError: null })).toBe('added');
    expect(await inbox.get(invalid)).toMatchObject({ schemaError: null });
  });

  test.each(['wait', 'active', 'failed', 'completed'])(
    'a job without data gives way, also one that is in %s',
    async (set) => {
      const place = usePlace(url);
      const [inbox, queue] = [useInbox(url, place), useQueue(place)];
      const entry = createTestEntry();
      const id = `task-${entry.taskId}`;
      const key = (suffix: string) => `${place.prefix}:novita-webhooks.novita:${suffix}`;
      await place.redis.hset(key(id), 'stc', '1');
      if (set === 'wait' || set === 'active') await place.redis.rpush(key(set), id);
      else await place.redis.zadd(key(set), 1, id);
      expect(await inbox.add(entry)).toBe('added');
      expect(await inbox.get(entry)).toMatchObject({ ...entry, state: 'pending' });
      expect(await queue.getJobCounts('waiting', 'active', 'failed', 'completed')).toMatchObject({
        waiting: 1,
        active: 0,
        failed: 0,
        completed: 0,
      });
    },
  );

  const BROKEN: [string, (key: string, redis: Redis) => Promise<unknown>][] = [
    ['meta', (key, redis) => redis.hset(key, 'concurrency', 'abc')],
    ['events', (key, redis) => redis.set(key, 'not a stream')],
    ['wait', (key, redis) => redis.set(key, 'not a list')],
  ];

  test.each(BROKEN)(
    'an entry rejected because "%s" is broken can be added when it is repaired',
    async (part, spoil) => {
      const place = usePlace(url);
      const inbox = useInbox(url, place);
      const key = (name: string) => `${place.prefix}:novita-webhooks.novita:${name}`;
      const entries = [
        createTestEntry(),
        createTestEntry({ schemaError: 'images: not a list' }),
        createTestEntry(),
      ];
      await spoil(key(part), place.redis);
      const add = () => Promise.allSettled(entries.map((entry) => inbox.add(entry)));
      expect((await add()).map(({ status }) => status)).toEqual(entries.map(() => 'rejected'));
      await place.redis.del(key(part));
      expect(await place.redis.llen(key('wait'))).toBe(0);
      expect(await add()).toEqual(entries.map(() => ({ status: 'fulfilled', value: 'added' })));
      useConsumption(inbox, () => Promise.resolve({ type: 'done' }));
      await until('all are done', async () => (await inbox.stats()).done === entries.length);
    },
  );

  test('an entry that was added although BullMQ reported an error is handled', async () => {
    const place = usePlace(url);
    const inbox = useInbox(url, place);
    const marker = `${place.prefix}:novita-webhooks.novita:marker`;
    await place.redis.set(marker, 'not a sorted set');
    const entry = createTestEntry();
    await expect(inbox.add(entry)).rejects.toMatchObject({ code: 'inbox_unavailable' });
    expect(await inbox.add(entry)).toBe('duplicate');
    await place.redis.del(marker);
    useConsumption(inbox, () => Promise.resolve({ type: 'done' }));
    await until('done', async () => (await stateOf(inbox, entry)) === 'done');
  });

  test('an entry whose key holds another type is rejected alone', async () => {
    const place = usePlace(url);
    const inbox = useInbox(url, place);
    const bad = createTestEntry();
    await place.redis.set(`${place.prefix}:novita-webhooks.novita:task-${bad.taskId}`, 'taken');
    const answers = await Promise.allSettled(
      [createTestEntry(), bad, createTestEntry()].map((entry) => inbox.add(entry)),
    );
    expect(answers).toMatchObject([
      { value: 'added' },
      {
        reason: {
          code: 'inbox_unavailable',
          cause: { message: expect.stringContaining('WRONGTYPE') as string },
        },
      },
      { value: 'added' },
    ]);
    expect((await inbox.stats()).pending).toBe(2);
  });

  test('an entry that cannot be written as JSON is rejected alone', async () => {
    const inbox = useInbox(url, usePlace(url));
    const bad = createTestEntry({ metadata: { count: 1n } });
    const answers = await Promise.allSettled(
      [createTestEntry(), bad, createTestEntry()].map((entry) => inbox.add(entry)),
    );
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  test.skipIf(!hasRedisServer('adding after the scripts of Redis were flushed'))(
    'an entry replaces one with a schema error after SCRIPT FLUSH',
    async () => {
      const server = await startRedisServer();
      afterwards(server.close);
      const inbox = useInbox(server.url, { prefix: 'flushed' });
      const invalid = createTestEntry({ schemaError: 'images: not a list' });
      await inbox.add(invalid);
      await server.redis.script('FLUSH');
      expect(await inbox.add({ ...invalid, schemaError: null })).toBe('added');
      expect(await inbox.get(invalid)).toMatchObject({ schemaError: null, state: 'pending' });
    },
  );

  test.skipIf(!hasRedisServer('adding over a slow link'))(
    'a burst of long bodies is added over a slow link',
    async () => {
      const server = await startRedisServer();
      afterwards(server.close);
      const proxy = await startTcpProxy(server.port, { bytesPerMs: 5000 });
      afterwards(proxy.close);
      const inbox = useInbox(`redis://127.0.0.1:${proxy.port}`, { prefix: 'slow' }, SLOW);
      await inbox.add(createTestEntry());
      const body = 'x'.repeat(500_000);
      const all = Array.from({ length: 50 }, () => inbox.add(createTestEntry({ body })));
      expect(new Set(await Promise.all(all))).toEqual(new Set(['added']));
    },
    30_000,
  );

  test('a body of any content is returned unchanged', async () => {
    const inbox = useInbox(url, usePlace(url));
    const body = JSON.stringify({ text: '\ud800 \u0000 任务 {} [] " \\ %', list: [], none: {} });
    const entry = createTestEntry({ body, metadata: { empty: [], none: {}, zero: 0 } });
    await inbox.add(entry);
    expect(await inbox.get(entry)).toMatchObject(entry);
  });
});

async function addAll(work: string): Promise<string[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, work], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  expect(code).toBe(0);
  return printed.trim().split('\n');
}
