import type { PostgresPool } from '../pool.ts';
import { createSemaphore, type Semaphore } from './semaphore.ts';

/** How the connections of one pool are divided. All inboxes on the pool share one quota. */
export interface PoolQuota {
  /** For everything but heartbeats and notifications: one connection stays free for a heartbeat. */
  readonly general: Semaphore;
  /** For `context.transaction`: one less than `general`, if that is more than one. */
  readonly transactions: Semaphore;
  /** @returns ends the reservation; `undefined` if the pool is too small for one more listener */
  reserveListener(): (() => void) | undefined;
}

/** Default `max` of `pg`. */
const DEFAULT_POOL_MAX = 10;
/** One for heartbeats, one for a transaction, one for everything else. */
const MIN_CONNECTIONS_WITHOUT_LISTENERS = 3;

export function getPoolQuota(pool: PostgresPool): PoolQuota {
  const quota = quotas.get(pool) ?? createPoolQuota(pool.options?.max ?? DEFAULT_POOL_MAX);
  quotas.set(pool, quota);
  return quota;
}

const quotas = new WeakMap<PostgresPool, PoolQuota>();

function createPoolQuota(max: number): PoolQuota {
  const forListener = max > MIN_CONNECTIONS_WITHOUT_LISTENERS ? 1 : 0;
  const forHeartbeats = max >= MIN_CONNECTIONS_WITHOUT_LISTENERS ? 1 : 0;
  const general = Math.max(1, max - forListener - forHeartbeats);
  let listeners = 0;
  return {
    general: createSemaphore(general),
    transactions: createSemaphore(Math.max(1, general - 1)),
    reserveListener() {
      if (listeners >= max - MIN_CONNECTIONS_WITHOUT_LISTENERS) return undefined;
      listeners += 1;
      return () => {
        listeners -= 1;
      };
    },
  };
}
