import { randomUUID } from 'node:crypto';

import { Redis } from 'ioredis';

/** Where one test keeps its queues: nothing of it is left afterwards. */
export interface Place {
  readonly prefix: string;
  readonly redis: Redis;
  remove(): Promise<void>;
}

export function createPlace(url: string): Place {
  const prefix = `novita-test-${randomUUID()}`;
  const redis = new Redis(url);
  return {
    prefix,
    redis,
    async remove() {
      const keys = await keysOf(redis, `${prefix}:*`);
      if (keys.length > 0) await redis.unlink(...keys);
      await redis.quit();
    },
  };
}

export async function keysOf(redis: Redis, pattern: string): Promise<string[]> {
  const keys = new Set<string>();
  for await (const found of redis.scanStream({ match: pattern, count: 1000 })) {
    for (const key of found as string[]) keys.add(key);
  }
  return [...keys];
}
