import { bullmqInbox } from '@novita-webhooks/inbox-bullmq';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';

import type { Engine, Plain } from './engine.ts';

const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379';

/** Rejects after 3 s if there is no server. */
const connectOnce = async () => {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 3000,
    retryStrategy: () => null,
  });
  redis.on('error', () => undefined); // the next command rejects
  await redis.connect();
  return redis;
};

const PLAIN = 'plain';

export const bullmq: Engine = {
  shared: true,
  plain: 'queue.add with a job id, on the same connection',
  async describe() {
    const redis = await connectOnce();
    try {
      const [version, aof, fsync] = [
        /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? 'unknown',
        ...(await Promise.all(['appendonly', 'appendfsync'].map((name) => read(redis, name)))),
      ];
      return `Redis ${version}, appendonly ${aof}${aof === 'yes' ? `, appendfsync ${fsync}` : ''}`;
    } finally {
      redis.disconnect();
    }
  },
  async createPlace() {
    const prefix = `bench-${randomBytes(6).toString('hex')}`;
    const redis = await connectOnce();
    return {
      location: prefix,
      async size() {
        const info = await redis.info();
        return { kept: figure(info, 'used_memory'), logged: figure(info, 'aof_current_size') };
      },
      async cpuMs() {
        const info = await redis.info('cpu');
        return (figure(info, 'used_cpu_user') + figure(info, 'used_cpu_sys')) * 1000;
      },
      async remove() {
        await unlinkAll(redis, `${prefix}*`);
        redis.disconnect();
      },
    };
  },
  async open(prefix) {
    const connection = new Redis(url, { maxRetriesPerRequest: null });
    const inbox = bullmqInbox({ connection, prefix });
    const queue = new Queue(PLAIN, { connection, prefix: `${prefix}-plain` });
    return {
      inbox,
      plain: openPlain(queue),
      async close() {
        await queue.close();
        connection.disconnect();
      },
    };
  },
};

/** Stores the entry as the data of a job, as the inbox does. */
function openPlain(queue: Queue): Plain {
  return {
    add: (entry) => queue.add('event', entry, { jobId: `${entry.endpoint}-${entry.taskId}` }),
    count: () => queue.getWaitingCount(),
  };
}

async function read(redis: Redis, name: string): Promise<string> {
  const [, value = 'unknown'] = await redis.config('GET', name);
  return value;
}

function figure(info: string, name: string): number {
  return Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? NaN);
}

async function unlinkAll(redis: Redis, pattern: string): Promise<void> {
  for await (const keys of redis.scanStream({ match: pattern, count: 1000 })) {
    if ((keys as string[]).length > 0) await redis.unlink(keys as string[]);
  }
}
