import { statSync } from 'node:fs';

import type { Logger } from '@novita-webhooks/core';

import type { Connections } from './connections.ts';

/** Logs a warning while a reader prevents the -wal file from being emptied. */
export interface WalMonitor {
  /** Called when a receiver opens the inbox. Without a logger, nothing is checked. */
  open(log: Logger): void;
  /** Looks at the file, at most once per second. Never throws. */
  check(): void;
}

/** As large as `journal_size_limit`: SQLite shrinks the file to it after a burst. */
const MAX_WAL_BYTES = 64 * 1024 * 1024;
const CHECK_INTERVAL_MS = 1000;
const WARNING_INTERVAL_MS = 60_000;

/** A passive checkpoint waits for no lock. It returns how many pages it could not move. */
const CHECKPOINT = 'PRAGMA wal_checkpoint(PASSIVE)';

export function createWalMonitor(connections: Connections): WalMonitor {
  let logger: Logger | undefined;
  let nextCheckAt = -Infinity;

  function measureAndWarn(log: Logger): void {
    const walBytes = sizeOf(`${connections.path}-wal`);
    if (walBytes <= MAX_WAL_BYTES) return;
    const blockedBytes = measureBlockedBytes(connections);
    if (blockedBytes <= MAX_WAL_BYTES) return;
    nextCheckAt = performance.now() + WARNING_INTERVAL_MS;
    log.warn({ path: connections.path, walBytes, blockedBytes }, describe(connections, walBytes));
  }

  return {
    open(log) {
      logger = log;
    },
    check() {
      const now = performance.now();
      if (logger === undefined || now < nextCheckAt) return;
      nextCheckAt = now + CHECK_INTERVAL_MS;
      try {
        measureAndWarn(logger);
      } catch {
        // The operations of the inbox report what is wrong with the file.
      }
    },
  };
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Measures what a checkpoint cannot move into the database file, because a reader needs it. */
function measureBlockedBytes(connections: Connections): number {
  const { database } = connections.get();
  const [checkpoint] = database.prepare(CHECKPOINT).all() as CheckpointRow[];
  const [size] = database.prepare('PRAGMA page_size').all() as { page_size: number }[];
  if (checkpoint === undefined || size === undefined) return 0;
  return (checkpoint.log - checkpoint.checkpointed) * size.page_size;
}

interface CheckpointRow {
  /** Pages in the -wal file. */
  readonly log: number;
  readonly checkpointed: number;
}

const describe = ({ path }: Connections, walBytes: number): string =>
  `inbox-sqlite: ${path}-wal has grown to ${Math.round(walBytes / 1024 / 1024)} MiB, because a ` +
  'connection has been reading the file for a long time. Find the process with an open transaction or ' +
  'an unfinished iterator on the file, and end it.';
