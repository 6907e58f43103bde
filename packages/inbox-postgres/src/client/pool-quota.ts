import type { PostgresPool } from '../pool.ts';
import { createSlots, type Slots } from './semaphore.ts';

/** Who may have how much of a pool, all inboxes on it together. */
export interface Shares {
  /** For everything but heartbeats and notifications: so a heartbeat always finds a connection. */
  readonly all: Slots;
  /** Handlers keep their clients for as long as they like, but never all that there are. */
  readonly transactions: Slots;
  /** @returns gives it back; `undefined` when the pool is too small for (another) one to listen */
  listen(): (() => void) | undefined;
}

const USUAL_MAX = 10;
/** One for heartbeats, one for everything else, one for a transaction. */
const KEPT_FROM_LISTENERS = 3;

export function sharesOf(pool: PostgresPool): Shares {
  const shares = known.get(pool) ?? createShares(pool.options?.max ?? USUAL_MAX);
  known.set(pool, shares);
  return shares;
}

const known = new WeakMap<PostgresPool, Shares>();

function createShares(max: number): Shares {
  const listens = max > KEPT_FROM_LISTENERS ? 1 : 0;
  const forHeartbeats = max >= KEPT_FROM_LISTENERS ? 1 : 0; // of two, one is for all that is not a transaction
  const all = Math.max(1, max - listens - forHeartbeats);
  let listeners = 0;
  return {
    all: createSlots(all),
    transactions: createSlots(Math.max(1, all - 1)),
    listen() {
      if (listeners >= max - KEPT_FROM_LISTENERS) return undefined;
      listeners += 1;
      return () => {
        listeners -= 1;
      };
    },
  };
}
