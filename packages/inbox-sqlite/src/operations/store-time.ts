import { readFileSync, readlinkSync } from 'node:fs';

import { systemClock, type Clock } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import { toMs } from './time.ts';

/** A clock whose `monotonic` is the same in all processes of this machine until it restarts. */
export interface MachineClock extends Clock {
  /** Differs after each start of the machine. Without it, due times follow `now`. */
  readonly bootId?: string | undefined;
}

export const machineClock: MachineClock = {
  ...systemClock,
  monotonic: () => Number(process.hrtime.bigint() / 1000n) / 1000,
  bootId: readBootId(),
};

/** Linux only. A container with another time namespace has another monotonic clock. */
function readBootId(): string | undefined {
  try {
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${bootId} ${readlinkSync('/proc/self/ns/time')}`;
  } catch {
    return undefined;
  }
}

interface Row {
  readonly boot_id: string;
  readonly offset_ms: number;
  readonly seen_at: number;
}

const SELECT = 'SELECT boot_id, offset_ms, seen_at FROM novita_clock WHERE id = 1';

const START = `
INSERT INTO novita_clock (id, boot_id, offset_ms, seen_at) VALUES (1, :bootId, :offsetMs, :now)
ON CONFLICT (id) DO UPDATE SET boot_id = :bootId, offset_ms = :offsetMs, seen_at = :now`;

const SEE = 'UPDATE novita_clock SET seen_at = :now WHERE id = 1';

/** How often the time is stored. After a restart of the machine, time goes on from there at least. */
const SEE_EVERY_MS = 60_000;

/** The time that due times and ages follow, in milliseconds since 1970. */
export interface StoreTime {
  /** Whether a clock that is set does not change the time. */
  readonly isSteady: boolean;
  /** In a transaction that may write. */
  now(connection: Connection): number;
  /** In a transaction that only reads. */
  read(connection: Connection): number;
}

/**
 * The time of day at the first use since the machine started, plus what has passed since. So the time
 * is the same in all processes, and does not jump when the clock of the machine is set. See
 * docs/decisions/0026.
 */
export function createStoreTime(clock: MachineClock): StoreTime {
  const { bootId } = clock;
  if (bootId === undefined) {
    const now = () => toMs(clock.now());
    return { isSteady: false, now, read: now };
  }

  function measure(connection: Connection) {
    const upMs = clock.monotonic?.() ?? clock.now();
    const [row] = connection.all(SELECT) as Row[];
    if (row !== undefined && row.boot_id === bootId && upMs + row.offset_ms >= row.seen_at)
      return { now: upMs + row.offset_ms, seenAt: row.seen_at, offsetMs: null };
    const now = Math.max(clock.now(), row?.seen_at ?? 0);
    return { now, seenAt: now, offsetMs: now - upMs };
  }

  /** The operations of a transaction, which run in one turn, have the same time. */
  let ofTransaction: number | undefined;

  return {
    isSteady: true,
    read: (connection) => toMs(measure(connection).now),
    now(connection) {
      if (ofTransaction !== undefined) return ofTransaction;
      const { now, seenAt, offsetMs } = measure(connection);
      if (offsetMs !== null) connection.run(START, { bootId, offsetMs, now });
      else if (now >= seenAt + SEE_EVERY_MS) connection.run(SEE, { now });
      ofTransaction = toMs(now);
      queueMicrotask(() => (ofTransaction = undefined));
      return ofTransaction;
    },
  };
}
