// The states of an entry. Every change reads a row, decides, and writes on the condition of the revision
// that it read. If another process was faster, the change starts again.
import {
  resolveEntryQuery,
  systemClock,
  type Claim,
  type Clock,
  type Entry,
  type EntryKey,
  type ClaimRef,
  type Logger,
  type NewEntry,
  type Outcome,
  type Store,
} from '@novita-webhooks/core';
import { randomUUID } from 'node:crypto';

import { createNatsTable, type StoredRow, type NatsTableOptions, type Row } from './nats-table.ts';
import { createOpenRows } from './open-rows.ts';

export interface NatsStoreOptions
  extends Pick<NatsTableOptions, 'connection'>, Partial<Omit<NatsTableOptions, 'connection'>> {
  readonly clock?: Clock | undefined;
}

/** Room for an event of 1 MiB, whose JSON is quoted in the JSON of the row. */
const MIN_MAX_PAYLOAD_BYTES = 4 * 1024 * 1024;

export function natsStore(options: NatsStoreOptions): Store {
  const { connection, stream = 'NOVITA', replicas = 1, clock = systemClock } = options;
  const table = createNatsTable({ connection, stream, replicas });
  const openRows = createOpenRows(clock);
  const listeners = new Set<(endpoint: string) => void>();
  let log: Logger | undefined;
  let isWatching = false;

  function onRow(row: StoredRow): void {
    if (!openRows.update(row)) return;
    for (const listener of listeners) listener(row.entry.endpoint);
  }

  /** Begins with the first claim: a process that only adds needs no notifications. */
  function watchOnce(): void {
    if (isWatching) return;
    isWatching = true;
    table.watch(onRow, log ?? console);
  }

  /** Returns the changed row; `undefined` if `decide` returned `undefined`, or there is no such entry. */
  async function change(
    key: EntryKey,
    decide: (row: StoredRow) => Row | undefined,
  ): Promise<StoredRow | undefined> {
    for (;;) {
      const row = await table.read(key);
      const changed = row && decide(row);
      if (row === undefined) openRows.remove(key);
      if (row === undefined || changed === undefined) return undefined;
      const revision = await table.write(changed, row.revision);
      if (revision === undefined) continue;
      const stored = { ...changed, order: changed.order ?? revision, revision };
      onRow(stored);
      return stored;
    }
  }

  async function add(entry: NewEntry): Promise<'added' | 'duplicate'> {
    const row: Row = {
      entry: toPending(entry, clock.now()),
      fencingToken: null,
      leaseDurationMs: 0,
      isOverdue: false,
      series: randomUUID(),
      order: null,
    };
    for (let expectedRevision = 0; ;) {
      const revision = await table.write(row, expectedRevision);
      if (revision !== undefined) {
        onRow({ ...row, order: revision, revision });
        return 'added';
      }
      const existing = await table.read(entry);
      if (existing !== undefined && !isReplacedBy(existing.entry, entry)) return 'duplicate';
      expectedRevision = existing?.revision ?? 0;
    }
  }

  async function claim(endpoint: string, limit: number, leaseDurationMs: number): Promise<Claim[]> {
    watchOnce();
    const claims = openRows.takeDue(endpoint, limit).map(async (known) => {
      try {
        const changed = await change(known, (row) =>
          row.revision === known.revision ? toLooked(row, leaseDurationMs, clock.now()) : undefined,
        );
        if (changed === undefined || changed.isOverdue) return undefined;
        const { entry, fencingToken } = changed;
        return { ...entry, fencingToken: fencingToken ?? '', isTakeover: known.isTakeover };
      } catch (error) {
        openRows.putBack(known);
        throw error;
      }
    });
    const settled = await Promise.allSettled(claims);
    const claimed = settled.flatMap((one) => (one.status === 'fulfilled' ? (one.value ?? []) : []));
    const failed = settled.find((one) => one.status === 'rejected');
    if (claimed.length === 0 && failed !== undefined) throw failed.reason;
    return claimed;
  }

  /** Changes a row under its lease. Returns `false` if the fencing token is no longer valid. */
  async function changeLeased(
    claimRef: ClaimRef,
    to: (row: StoredRow) => Partial<Row>,
  ): Promise<boolean> {
    const changed = await change(claimRef, (row) =>
      row.fencingToken === claimRef.fencingToken ? { ...row, ...to(row) } : undefined,
    );
    return changed !== undefined;
  }

  async function remove(row: StoredRow | undefined): Promise<boolean> {
    if (row === undefined || !(await table.remove(row))) return false;
    openRows.remove(row.entry);
    return true;
  }

  return {
    name: 'nats',
    capabilities: { durable: true, shared: true, transactional: false, confirmsTakeover: true },
    open(logger) {
      log = logger;
      const { max_payload: bytes = 0 } = connection.info ?? {};
      if (bytes >= MIN_MAX_PAYLOAD_BYTES) return;
      log.warn(
        { bytes },
        'nats-inbox: max_payload of nats-server is below 4 MB. Set max_payload: 4MB.',
      );
    },
    add,
    claim,
    extend: (claimRef, leaseDurationMs) =>
      changeLeased(claimRef, ({ entry }) => ({
        leaseDurationMs,
        isOverdue: false,
        entry: { ...entry, dueAt: clock.now() + leaseDurationMs },
      })),
    settle: (claimRef, outcome) =>
      changeLeased(claimRef, ({ entry }) => ({
        fencingToken: null,
        entry: { ...entry, ...outcomeChanges(entry, outcome, clock.now()) },
      })),
    async recordSucceeded(claimRef, names) {
      const changed = await change(claimRef, (row) => {
        if (!claimRef.fencingToken.startsWith(`${row.series}.`)) return undefined;
        return { ...row, entry: { ...row.entry, succeededHandlers: merge(row.entry, names) } };
      });
      return changed !== undefined;
    },
    subscribe(endpoint, notify) {
      const listener = (changed: string) => changed === endpoint && notify();
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    nextDueMs: async (endpoint) => openRows.nextDueMs(endpoint),
    async list(query) {
      const { endpoint, state, limit, before } = resolveEntryQuery(query);
      const found = (await table.scan())
        .filter(({ order, entry }) => order < before && (state ?? entry.state) === entry.state)
        .filter(({ entry }) => (endpoint ?? entry.endpoint) === entry.endpoint)
        .sort((one, other) => other.order - one.order);
      const page = found.slice(0, limit);
      const cursor = found.length > limit ? String(page.at(-1)?.order) : null;
      return { entries: page.map(({ entry }) => entry), cursor };
    },
    get: async (key) => (await table.read(key))?.entry,
    async replay(key) {
      const replayed = await change(key, (row) => {
        const { state, succeededHandlers } = row.entry;
        if (state !== 'done' && state !== 'dead') return undefined;
        const entry = toPending(row.entry, clock.now(), state === 'done' ? [] : succeededHandlers);
        return { ...row, series: randomUUID(), entry };
      });
      return replayed !== undefined;
    },
    async discard(key) {
      const row = await table.read(key);
      return row?.entry.state !== 'running' && remove(row);
    },
    async stats() {
      const counts = { pending: 0, running: 0, done: 0, dead: 0 };
      let firstDueAt = Infinity;
      for (const { entry } of await table.scan()) {
        counts[entry.state] += 1;
        firstDueAt = Math.min(firstDueAt, entry.dueAt ?? Infinity);
      }
      return { ...counts, lagMs: Math.max(0, clock.now() - firstDueAt) };
    },
    async deleteExpired({ doneMs, deadMs }) {
      const retentionMs = { done: doneMs, dead: deadMs, pending: Infinity, running: Infinity };
      let deleted = 0;
      for (const row of await table.scan()) {
        const { state, finishedAt } = row.entry;
        const isExpired = (finishedAt ?? Infinity) + retentionMs[state] <= clock.now();
        if (isExpired && (await remove(row))) deleted += 1;
      }
      return deleted;
    },
    close: async () => table.stop(),
  };
}

/** Returns an entry at the start of a series of attempts. */
function toPending(entry: NewEntry, now: number, succeededHandlers: readonly string[] = []): Entry {
  const series = { attempts: 0, succeededHandlers, reason: null, dueAt: now, finishedAt: null };
  return { ...entry, state: 'pending', ...series };
}

/** An entry with a schema error must not block the valid result of its task. */
function isReplacedBy(existing: Entry, entry: NewEntry): boolean {
  return existing.schemaError !== null && entry.schemaError === null && existing.state !== 'done';
}

/** A claim takes an entry, but if it finds a lease expired, the holder gets time for a heartbeat. */
function toLooked(row: StoredRow, leaseDurationMs: number, now: number): Row {
  const isFirstLook = row.entry.state === 'running' && !row.isOverdue;
  if (isFirstLook) return { ...row, isOverdue: true, leaseDurationMs: leaseDurationMs / 2 };
  const attempts = row.entry.attempts + 1;
  const entry: Entry = { ...row.entry, state: 'running', attempts, dueAt: now + leaseDurationMs };
  const fencingToken = `${row.series}.${randomUUID()}`;
  return { ...row, entry, fencingToken, leaseDurationMs, isOverdue: false };
}

function outcomeChanges(entry: Entry, outcome: Outcome, now: number): Partial<Entry> {
  if (outcome.type === 'done') return { state: 'done', reason: null, dueAt: null, finishedAt: now };
  const succeededHandlers = merge(entry, outcome.succeededHandlers);
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

function merge(entry: Entry, succeededHandlers: readonly string[]): string[] {
  return [...new Set([...entry.succeededHandlers, ...succeededHandlers])];
}
