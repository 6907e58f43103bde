import type { Redis } from 'ioredis';
import { vi } from 'vitest';

import { keysOf } from './place.ts';

/**
 * Lets time go by for a store: for the clock of this process, by which BullMQ tells what is due and
 * what is old; for the locks, which live by the clock of Redis; and for BullMQ's check for stalled
 * jobs, which sees a lock twice before it believes that it is gone.
 */
export async function advance(
  redis: Redis,
  prefix: string,
  ms: number,
  check: () => Promise<unknown>,
): Promise<void> {
  vi.setSystemTime(Date.now() + ms);
  for (const key of await keysOf(redis, `${prefix}:*:lock`)) {
    const left = (await redis.pttl(key)) - ms;
    if (left > 0) await redis.pexpire(key, left);
    else await redis.del(key);
  }
  for (let seen = 0; seen < 2; seen += 1) {
    const throttles = await keysOf(redis, `${prefix}:*:stalled-check`);
    if (throttles.length > 0) await redis.del(...throttles);
    await check();
  }
}
