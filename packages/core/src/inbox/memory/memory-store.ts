import { z } from 'zod';

import { checkOptions, positive } from '../../shared/check-options.ts';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { resolveEntryQuery } from '../entry-query.ts';
import { WebhookError } from '../../shared/errors.ts';
import type {
  Claim,
  Entry,
  EntryPage,
  EntryQuery,
  ClaimRef,
  InboxStats,
  NewEntry,
  Outcome,
  Retention,
  Store,
} from '../ports.ts';
import {
  bytesOf,
  createMemoryTable,
  firstSeries,
  type MemoryTable,
  type Row,
} from './memory-table.ts';

/** Bounds of the memory store. */
export interface MemoryStoreOptions {
  /** Most entries kept, default 100,000. Past it the oldest done ones go, then `inbox_full`. */
  readonly maxEntries?: number | undefined;
  /** Most bytes of memory for bodies, default 256 MiB, likewise. */
  readonly maxBytes?: number | undefined;
  readonly clock?: Clock | undefined;
}

const schema = z.strictObject({
  maxEntries: positive,
  maxBytes: positive,
  clock: z.unknown().optional(),
});

/**
 * The reference store: everything in one process, nothing on disk. What the other stores say in
 * SQL can be read here in plain code.
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  checkOptions('memoryStore', schema, options);
  const { maxEntries = 100_000, maxBytes = 256 * 1024 * 1024, clock = systemClock } = options;
  const table = createMemoryTable(clock);
  return {
    capabilities: { durable: false, shared: false, transactional: false },
    add: async (entry) => add(table, entry, { maxEntries, maxBytes }),
    promote: async (key) => promote(table, table.find(key)),
    claim: async (endpoint, limit, leaseDurationMs) =>
      claim(table, endpoint, limit, leaseDurationMs),
    claimOne: async (key, leaseDurationMs) => claimOne(table, table.find(key), leaseDurationMs),
    extend: async (claimRef, leaseDurationMs) =>
      extend(table, holder(table, claimRef), leaseDurationMs),
    settle: async (claimRef, outcome) => settle(table, holder(table, claimRef), outcome),
    nextDueMs: async (endpoint) => nextDueMs(table, endpoint),
    list: async (query) => list(table, query),
    get: async (key) => table.find(key)?.entry,
    replay: async (key) => replay(table, table.find(key)),
    discard: async (key) => discard(table, table.find(key)),
    stats: async () => stats(table),
    deleteExpired: async (retention) => purge(table, retention),
    async close() {
      // Nothing to let go of.
    },
  };
}

interface Room {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

function add(table: MemoryTable, entry: NewEntry, room: Room): 'added' | 'duplicate' {
  const existing = table.find(entry);
  if (existing === undefined) {
    makeRoom(table, 1, bytesOf(entry), room);
  } else {
    if (!givesWay(existing.entry, entry)) return 'duplicate';
    makeRoom(table, 0, bytesOf(entry) - bytesOf(existing.entry), room);
    table.forget(existing);
  }
  table.insert(entry);
  return 'added';
}

/** A drifted entry must not stand in the way of the real result. */
function givesWay(existing: Entry, entry: NewEntry): boolean {
  return existing.schemaError !== null && entry.schemaError === null && existing.state !== 'done';
}

/** Forgets the longest done, but nothing if that would not be enough. */
function makeRoom(table: MemoryTable, entries: number, bytes: number, room: Room): void {
  const { rows, states } = table;
  const { done, ...others } = table.bytes;
  const kept = others.pending + others.running + others.dead;
  const isFull =
    rows.size - states.done.size + entries > room.maxEntries || kept + bytes > room.maxBytes;
  if (isFull) {
    throw new WebhookError('inbox_full', 'the memory inbox is full of entries that are not done');
  }
  let excess = kept + done + bytes - room.maxBytes;
  for (const oldest of states.done) {
    if (rows.size + entries <= room.maxEntries && excess <= 0) return;
    excess -= bytesOf(oldest.entry);
    table.forget(oldest);
  }
}

function promote(table: MemoryTable, row: Row | undefined): void {
  if (row?.entry.state === 'pending') table.change(row, { dueAt: table.clock.now() }, null);
}

function claim(
  table: MemoryTable,
  endpoint: string,
  limit: number,
  leaseDurationMs: number,
): Claim[] {
  const queue = table.queue(endpoint);
  const now = table.clock.now();
  const claims: Claim[] = [];
  while (claims.length < limit) {
    const first = queue.peek();
    if (first === undefined || first.dueAt > now) break;
    claims.push(lease(table, first.value, leaseDurationMs));
  }
  return claims;
}

function claimOne(
  table: MemoryTable,
  row: Row | undefined,
  leaseDurationMs: number,
): Claim | undefined {
  return row?.entry.state === 'pending' ? lease(table, row, leaseDurationMs) : undefined;
}

function lease(table: MemoryTable, row: Row, leaseDurationMs: number): Claim {
  const fencingToken = table.nextFence();
  const attempts = row.entry.attempts + 1;
  table.change(
    row,
    { state: 'running', attempts, dueAt: table.clock.now() + leaseDurationMs },
    fencingToken,
  );
  return { ...row.entry, fencingToken };
}

/** The row that a fence still gives the right to. */
function holder(table: MemoryTable, claimRef: ClaimRef): Row | undefined {
  const row = table.find(claimRef);
  return row?.fence === claimRef.fencingToken ? row : undefined;
}

function extend(table: MemoryTable, row: Row | undefined, leaseDurationMs: number): boolean {
  if (row === undefined) return false;
  table.change(row, { dueAt: table.clock.now() + leaseDurationMs }, row.fence);
  return true;
}

function settle(table: MemoryTable, row: Row | undefined, outcome: Outcome): boolean {
  if (row === undefined) return false;
  table.change(row, settled(row.entry, outcome, table.clock.now()), null);
  return true;
}

function settled(entry: Entry, outcome: Outcome, now: number): Partial<Entry> {
  if (outcome.type === 'done') return { state: 'done', reason: null, dueAt: null, finishedAt: now };
  const succeededHandlers = [
    ...new Set([...entry.succeededHandlers, ...outcome.succeededHandlers]),
  ];
  switch (outcome.type) {
    case 'dead':
      return {
        state: 'dead',
        reason: outcome.reason,
        succeededHandlers,
        dueAt: null,
        finishedAt: now,
      };
    case 'retry':
      return {
        state: 'pending',
        reason: outcome.reason,
        succeededHandlers,
        dueAt: now + outcome.delayMs,
      };
    case 'released': {
      const dueAt = now + outcome.delayMs;
      return { state: 'pending', succeededHandlers, dueAt, attempts: entry.attempts - 1 };
    }
  }
}

function nextDueMs(table: MemoryTable, endpoint: string): number | null {
  const first = table.queue(endpoint).peek();
  return first === undefined ? null : Math.max(0, first.dueAt - table.clock.now());
}

function list(table: MemoryTable, query: EntryQuery | undefined): EntryPage {
  const { endpoint, state, limit, before } = resolveEntryQuery(query);
  const found: Row[] = [];
  for (const row of [...table.rows.values()].reverse()) {
    if (found.length > limit) break;
    if (row.order >= before) continue;
    if (endpoint !== undefined && row.entry.endpoint !== endpoint) continue;
    if (state !== undefined && row.entry.state !== state) continue;
    found.push(row);
  }
  const page = found.slice(0, limit);
  return {
    entries: page.map(({ entry }) => entry),
    cursor: found.length > limit ? String(page.at(-1)?.order) : null,
  };
}

function replay(table: MemoryTable, row: Row | undefined): boolean {
  if (row === undefined) return false;
  const { state, succeededHandlers } = row.entry;
  if (state !== 'done' && state !== 'dead') return false;
  const series = firstSeries(table.clock.now());
  table.change(
    row,
    { ...series, succeededHandlers: state === 'done' ? [] : succeededHandlers },
    null,
  );
  return true;
}

function discard(table: MemoryTable, row: Row | undefined): boolean {
  if (row === undefined || row.entry.state === 'running') return false;
  table.forget(row);
  return true;
}

function stats(table: MemoryTable): InboxStats {
  const { pending, running, done, dead } = table.states;
  const due = [...table.queues()].map((queue) => queue.peek()?.dueAt ?? Infinity);
  const lagMs = Math.max(0, table.clock.now() - Math.min(Infinity, ...due));
  return { pending: pending.size, running: running.size, done: done.size, dead: dead.size, lagMs };
}

function purge(table: MemoryTable, { doneMs, deadMs }: Retention): number {
  const now = table.clock.now();
  const purgeState = (rows: ReadonlySet<Row>, before: number) => {
    for (const row of rows) {
      if ((row.entry.finishedAt ?? Infinity) > before) return;
      table.forget(row);
    }
  };
  const size = table.rows.size;
  purgeState(table.states.done, now - doneMs);
  purgeState(table.states.dead, now - deadMs);
  return size - table.rows.size;
}
