import * as z from 'zod';

import { checkOptions, positive, strictOptions } from '../../shared/check-options.ts';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { silentLogger, type Logger } from '../../shared/logger.ts';
import type { Entry, InboxStats, Outcome, Retention, Store } from '../ports.ts';
import { addEntry } from './add-entry.ts';
import { applyOutcome } from './apply-outcome.ts';
import { claim, claimOne, extend, findClaimed, recordSucceeded } from './claim-entries.ts';
import { discardEntries } from './discard-entries.ts';
import { listEntries } from './list-entries.ts';
import { copyEntry, createMemoryTable, type MemoryTable } from './memory-table.ts';
import type { Row } from './row.ts';
import { replayEntries } from './replay-entries.ts';
import { restoreEntries } from './restore-entries.ts';

/** Limits of the memory store. */
export interface MemoryStoreOptions {
  /**
   * Default 100,000. Above it, the oldest done entries are deleted, then the oldest dead letters, each
   * with a warning. Then `add` throws `inbox_full`.
   */
  readonly maxEntries?: number | undefined;
  /** Memory for bodies in bytes, default 256 MiB. Above it, the same happens. */
  readonly maxBytes?: number | undefined;
  readonly clock?: Clock | undefined;
}

const schema = strictOptions({
  maxEntries: positive,
  maxBytes: positive,
  clock: z.unknown().optional(),
});

/**
 * The reference store: in the memory of one process. It shows in plain code what other stores do in
 * SQL.
 *
 * @throws WebhookError `invalid_option`
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  checkOptions('memoryStore', schema, options);
  const { maxEntries = 100_000, maxBytes = 256 * 1024 * 1024, clock = systemClock } = options;
  const table = createMemoryTable(clock);
  let log = silentLogger;
  return {
    name: 'memory',
    capabilities: {
      durable: false,
      shared: false,
      transactional: false,
      confirmsTakeover: true,
      steadyTime: true,
      imports: true,
      bindsTokens: true,
    },
    open: (opened: Logger) => void (log = opened),
    add: (entry) => addEntry(table, entry, { maxEntries, maxBytes, log }),
    promote: async (key) => promote(table, table.find(key)),
    claim: (endpoint, limit, leaseDurationMs) => claim(table, endpoint, limit, leaseDurationMs),
    claimOne: (key, leaseDurationMs) => claimOne(table, table.find(key), leaseDurationMs),
    extend: (claimRef, leaseDurationMs) =>
      extend(table, findClaimed(table, claimRef), leaseDurationMs),
    settle: (claimRef, outcome) => settle(table, findClaimed(table, claimRef), outcome),
    recordSucceeded: (claimRef, names) => recordSucceeded(table, claimRef, names),
    nextDueMs: (endpoint) => nextDueMs(table, endpoint),
    list: async (query) => listEntries(table, query),
    get: async (key) => get(table.find(key)),
    replayEntries: async (targets, how) => replayEntries(table, targets, how),
    discardEntries: async (targets) => discardEntries(table, targets),
    restoreEntries: async (entries) =>
      restoreEntries(table, entries, (entry) =>
        addEntry(table, entry, { maxEntries, maxBytes, log }),
      ),
    stats: async () => stats(table),
    deleteExpired: async (retention) => purge(table, retention),
    async close() {
      // Memory needs no closing.
    },
  };
}

function get(row: Row | undefined): Entry | undefined {
  return row && copyEntry(row.entry);
}

function promote(table: MemoryTable, row: Row | undefined): void {
  if (row?.entry.state === 'pending') table.change(row, { dueAt: table.now() }, null);
}

function settle(table: MemoryTable, row: Row | undefined, outcome: Outcome): boolean {
  if (row === undefined) return false;
  table.change(row, applyOutcome(row.entry, outcome, table.now()), null);
  return true;
}

function nextDueMs(table: MemoryTable, endpoint: string): number | null {
  const first = table.queue(endpoint).peek();
  return first === undefined ? null : Math.max(0, first.dueAt - table.now());
}

function stats(table: MemoryTable): InboxStats {
  const { pending, running, done, dead } = table.states;
  const due = [...table.queues()].map((queue) => queue.peek()?.dueAt ?? Infinity);
  const lagMs = Math.max(0, table.now() - Math.min(Infinity, ...due));
  const asked = [...table.expected].filter(({ entry }) => entry.state === 'running').length;
  const expected = table.expected.size;
  return {
    expected,
    pending: pending.size - (expected - asked),
    running: running.size - asked,
    ...{ done: done.size, dead: dead.size, lagMs },
  };
}

function purge(table: MemoryTable, { doneMs, deadMs }: Retention): number {
  const now = table.now();
  const purgeState = (rows: ReadonlySet<Row>, before: number) => {
    for (const row of rows) {
      if ((row.entry.finishedAt ?? Infinity) > before) return;
      table.remove(row);
    }
  };
  const size = table.rows.size;
  purgeState(table.states.done, now - doneMs);
  purgeState(table.states.dead, now - deadMs);
  return size - table.rows.size;
}
