import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';

import { startTcpProxy } from '../../../../test/support/tcp-proxy.ts';
import { bullmqStore } from '../../src/bullmq-store.ts';
import { toStoreOptions } from '../../src/options.ts';
import { afterwards, createTestEntry, until, useConsumption, useInbox } from '../support/inbox.ts';
import {
  ALWAYS,
  hasRedisServer,
  startRedisServer,
  type RedisServer,
} from '../support/redis-server.ts';
import { REPLY_MS, startRig, type Answer } from '../support/rig.ts';

const TIMEOUT_MS = 40_000;
/** What the machine may add to the reply limit. */
const SLACK_MS = 3500; // Novita waits for 5 s

const suite = describe.skipIf(!hasRedisServer('what happens when Redis fails'));

suite('under load, when', () => {
  test(
    'Redis is killed and comes back, all that was acknowledged is handled',
    async () => {
      const server = await useServer(ALWAYS);
      const rig = await startRig(server.url);
      await rig.recovers();
      for (let round = 0; round < 3; round += 1) {
        const load = rig.load();
        await pause(400);
        await server.kill();
        await pause(500);
        await server.start();
        await rig.recovers();
        expectAnswers(await load.stop());
      }
      await rig.allHandled();
      expect(rig.log.join('\n')).toMatch(/Redis cannot be reached/);
      expect(rig.log.join('\n')).toMatch(/Redis is available again/);
    },
    TIMEOUT_MS,
  );

  test(
    'Redis is paused for seconds, deliveries are refused in time and taken again afterwards',
    async () => {
      const server = await useServer(ALWAYS);
      const rig = await startRig(server.url);
      await rig.recovers();
      const load = rig.load();
      await pause(300);
      await server.redis.client('PAUSE', 3000, 'ALL');
      await pause(1800);
      expect((await rig.deliver()).status).toBe(503);
      await rig.recovers();
      expectAnswers(await load.stop());
      await rig.allHandled();
      // Commands time out, or ioredis drops the connection: both are true of a paused Redis.
      expect(rig.log.join('\n')).toMatch(/Redis (does not answer in time|cannot be reached)/);
    },
    TIMEOUT_MS,
  );

  test(
    'its memory is used up, deliveries are refused until it has more',
    async () => {
      const server = await useServer(ALWAYS);
      const rig = await startRig(server.url);
      await rig.recovers();
      await server.redis.config('SET', 'maxmemory', (await usedBytes(server)) + 200_000);
      const load = rig.load();
      await until('full', async () => (await rig.deliver()).status === 503);
      await pause(500);
      const refused = rig.log.join('\n');
      await server.redis.config('SET', 'maxmemory', 0);
      await rig.recovers();
      expectAnswers(await load.stop());
      await rig.allHandled();
      expect(refused).toMatch(/Redis has reached its maxmemory/);
    },
    TIMEOUT_MS,
  );

  test(
    'connections are cut, or go half-open, it goes on over new ones',
    async () => {
      const server = await useServer(ALWAYS);
      const proxy = await startTcpProxy(server.port);
      afterwards(proxy.close);
      const rig = await startRig(`redis://127.0.0.1:${proxy.port}`);
      await rig.recovers();
      for (const fault of ['cut', 'freeze', 'cut', 'freeze'] as const) {
        const load = rig.load();
        await pause(300);
        proxy[fault]();
        await pause(2000);
        proxy.restore();
        await rig.recovers();
        expectAnswers(await load.stop());
      }
      await rig.allHandled();
    },
    TIMEOUT_MS,
  );

  test(
    'connections are cut, or go half-open, the entry of a dead worker is taken over all the same',
    async () => {
      const server = await useServer(ALWAYS);
      const proxy = await startTcpProxy(server.port);
      afterwards(proxy.close);
      const leaseDurationMs = 4000;
      const dead = bullmqStore(toStoreOptions({ connection: server.url }));
      afterwards(() => dead.close());
      const entry = createTestEntry();
      await dead.add(entry);
      expect(await dead.claim('novita', 1, leaseDurationMs)).toHaveLength(1);
      const options = { leaseDurationMs: 1000, commandTimeoutMs: 500 };
      const place = { prefix: 'bull' };
      const inbox = useInbox(`redis://127.0.0.1:${proxy.port}`, place, options);
      const attempts: number[] = [];
      useConsumption(inbox, async (claimed) => {
        attempts.push(claimed.attempts);
        return { type: 'done' };
      });
      for (const fault of ['cut', 'freeze'] as const) {
        await pause(300);
        proxy[fault]();
        await pause(1000);
        proxy.restore();
      }
      expect(attempts).toEqual([]);
      await until('taken over', () => attempts.length === 1, 15_000);
      expect(attempts).toEqual([2]);
    },
    TIMEOUT_MS,
  );

  test(
    'its scripts are flushed, they are loaded again',
    async () => {
      const server = await useServer(ALWAYS);
      const rig = await startRig(server.url);
      await rig.recovers();
      const load = rig.load();
      for (let round = 0; round < 3; round += 1) {
        await pause(200);
        await server.redis.script('FLUSH');
        await rig.recovers();
      }
      expectAnswers(await load.stop());
      await rig.allHandled();
    },
    TIMEOUT_MS,
  );

  test(
    'it loads its data for long after a start, deliveries are refused until it has',
    async () => {
      const slowly = ['--key-load-delay', '1000'];
      const server = await useServer([...ALWAYS, ...slowly]);
      const rig = await startRig(server.url);
      await rig.recovers();
      const load = rig.load();
      await pause(1500);
      await server.kill();
      const started = server.start();
      await pause(200);
      await started;
      await rig.recovers();
      expectAnswers(await load.stop());
      await rig.allHandled();
    },
    TIMEOUT_MS,
  );
});

suite('after a FLUSHALL by accident', () => {
  test(
    'what waited is gone, what comes is taken, and what was handled is new again',
    async () => {
      const server = await useServer(ALWAYS);
      const rig = await startRig(server.url);
      await rig.recovers();
      await rig.deliver('handled');
      await until('handled', () => rig.handled.has('handled'));
      await rig.receiver.close({ gracePeriodMs: 500 });
      const web = await startRig(server.url);
      const queue = 'novita-webhooks.novita';
      await server.redis.hset(`bull:${queue}:meta`, 'paused', '1');
      await web.deliver('waits');
      expect((await web.inbox.stats()).pending).toBe(1);
      await server.redis.flushall();
      expect(await web.inbox.stats()).toMatchObject({ pending: 0, done: 0 });
      await web.recovers();
      await web.deliver('handled');
      await until('handled again', () => web.handled.has('handled'));
      expect(web.handled.has('waits')).toBe(false);
    },
    TIMEOUT_MS,
  );
});

async function useServer(settings: readonly string[]): Promise<RedisServer> {
  const server = await startRedisServer(settings);
  afterwards(server.close);
  return server;
}

/** Nothing but "taken" and "try again", and in time. */
function expectAnswers(answers: readonly Answer[]): void {
  const statuses = new Set(answers.map(({ status }) => status));
  expect([...statuses].filter((status) => status !== 200 && status !== 503)).toEqual([]);
  expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(REPLY_MS + SLACK_MS);
}

async function usedBytes({ redis }: RedisServer): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
}
