// The store. Every change reads a row, decides, and writes on the condition of the revision that it
// read. If another process was faster, the change starts again.
import {
  inheritExpectation,
  isUnchanged,
  replayChanges,
  resolveEntryQuery,
  scanEntries,
  shownState,
  systemClock,
  type Claim,
  type Clock,
  type Entry,
  type EntryKey,
  type EntryTarget,
  type ClaimRef,
  type Logger,
  type NewEntry,
  type ResolvedEntryQuery,
  type Store,
  type StoreReplayOptions,
} from '@novita-webhooks/core';
import { randomUUID } from 'node:crypto';

import {
  isReplacedBy,
  outcomeChanges,
  toPending,
  toRestored,
  toRunning,
  withSucceeded,
} from './entry-states.ts';
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
    let row = toNewRow(toPending(entry, clock.now()));
    for (let expectedRevision = 0; ;) {
      const revision = await table.write(row, expectedRevision);
      if (revision !== undefined) {
        onRow({ ...row, order: revision, revision });
        return 'added';
      }
      const existing = await table.read(entry);
      if (existing !== undefined && !isReplacedBy(existing.entry, entry)) return 'duplicate';
      if (existing !== undefined) {
        row = toNewRow(toPending(inheritExpectation(existing.entry, entry), clock.now()));
      }
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

  async function remove(row: StoredRow): Promise<boolean> {
    if (!(await table.remove(row))) return false;
    openRows.remove(row.entry);
    return true;
  }

  async function discard(target: EntryTarget): Promise<boolean> {
    const row = await table.read(target);
    if (row === undefined || row.entry.state === 'running') return false;
    return isUnchanged(row.entry, target) && remove(row);
  }

  async function replay(target: EntryTarget, options: StoreReplayOptions): Promise<boolean> {
    const replayed = await change(target, (row) => {
      if (!isUnchanged(row.entry, target)) return undefined;
      const changes = replayChanges(row.entry, options);
      const entry = changes && { ...row.entry, ...changes, dueAt: clock.now() };
      return entry && { ...row, series: randomUUID(), entry };
    });
    return replayed !== undefined;
  }

  async function restore(entry: Entry): Promise<boolean> {
    const row = toNewRow(toRestored(entry, clock.now()));
    const revision = await table.write(row, 0);
    if (revision === undefined) return false;
    onRow({ ...row, order: revision, revision });
    return true;
  }

  return {
    name: 'nats',
    capabilities: {
      ...{ durable: true, shared: true, transactional: false },
      ...{ confirmsTakeover: true, imports: true },
    },
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
        return {
          ...row,
          entry: { ...row.entry, succeededHandlers: withSucceeded(row.entry, names) },
        };
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
      const resolved = resolveEntryQuery(query);
      const readAt = clock.now();
      return scanEntries(resolved, [inOrder(await table.scan(), resolved)], readAt);
    },
    get: async (key) => (await table.read(key))?.entry,
    replayEntries: (targets, how = {}) => count(targets, (target) => replay(target, how)),
    discardEntries: (targets) => count(targets, discard),
    async restoreEntries(entries) {
      let restored = 0; // one by one, so that they keep their order
      for (const entry of entries) if (await restore(entry)) restored += 1;
      return restored;
    },
    async stats() {
      const counts = { expected: 0, pending: 0, running: 0, done: 0, dead: 0 };
      let firstDueAt = Infinity;
      for (const { entry } of await table.scan()) {
        counts[shownState(entry)] += 1;
        firstDueAt = Math.min(firstDueAt, entry.dueAt ?? Infinity);
      }
      return { ...counts, lagMs: Math.max(0, clock.now() - firstDueAt) };
    },
    async deleteExpired({ doneMs, deadMs }) {
      const retentionMs = { done: doneMs, dead: deadMs };
      let deleted = 0;
      for (const row of await table.scan()) {
        const { state, finishedAt } = row.entry;
        if (state !== 'done' && state !== 'dead') continue;
        const isExpired = (finishedAt ?? Infinity) + retentionMs[state] <= clock.now();
        if (isExpired && (await remove(row))) deleted += 1;
      }
      return deleted;
    },
    close: async () => table.stop(),
  };
}

/** A claim takes an entry, but if it finds a lease expired, the holder gets time for a heartbeat. */
function toLooked(row: StoredRow, leaseDurationMs: number, now: number): Row {
  const isFirstLook = row.entry.state === 'running' && !row.isOverdue;
  if (isFirstLook) return { ...row, isOverdue: true, leaseDurationMs: leaseDurationMs / 2 };
  const entry = toRunning(row.entry, now + leaseDurationMs);
  const fencingToken = `${row.series}.${randomUUID()}`;
  return { ...row, entry, fencingToken, leaseDurationMs, isOverdue: false };
}

/** The rows between `after` and `before` in the order of the query. */
function inOrder(
  rows: readonly StoredRow[],
  { order, before, after }: ResolvedEntryQuery,
): readonly StoredRow[] {
  const sign = order === 'newest' ? -1 : 1;
  return rows
    .filter((row) => row.order < before && row.order > after)
    .sort((one, other) => sign * (one.order - other.order));
}

function toNewRow(entry: Entry): Row {
  const unclaimed = { fencingToken: null, leaseDurationMs: 0, isOverdue: false };
  return { entry, ...unclaimed, series: randomUUID(), order: null };
}

/** On how many targets `act` did something. */
async function count(
  targets: readonly EntryTarget[],
  act: (target: EntryTarget) => Promise<boolean>,
): Promise<number> {
  return (await Promise.all(targets.map(act))).filter(Boolean).length;
}
