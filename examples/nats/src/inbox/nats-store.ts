// The state of an entry: what may follow on what. Every change reads a row, decides, and writes over
// the revision that it read; when somebody else was faster, it looks again.
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

import { createNatsTable, type KeptRow, type NatsTableOptions, type Row } from './nats-table.ts';
import { createOpenRows } from './open-rows.ts';

export interface NatsStoreOptions
  extends Pick<NatsTableOptions, 'connection'>, Partial<Omit<NatsTableOptions, 'connection'>> {
  readonly clock?: Clock | undefined;
}

/** An entry of 1 MiB, quoted as JSON in JSON. */
const ENOUGH_PAYLOAD_BYTES = 4 * 1024 * 1024;

export function natsStore(options: NatsStoreOptions): Store {
  const { connection, stream = 'NOVITA', replicas = 1, clock = systemClock } = options;
  const table = createNatsTable({ connection, stream, replicas });
  const open = createOpenRows(clock);
  const listeners = new Set<(endpoint: string) => void>();
  let log: Logger | undefined;
  let isFollowing = false;

  function note(row: KeptRow): void {
    if (!open.note(row)) return;
    for (const heard of listeners) heard(row.entry.endpoint);
  }

  /** Only who claims needs to know of everything. */
  function follow(): void {
    if (isFollowing) return;
    isFollowing = true;
    table.follow(note, log ?? console);
  }

  /** `undefined`: `decide` did not want to, or there is no such entry. */
  async function change(
    key: EntryKey,
    decide: (row: KeptRow) => Row | undefined,
  ): Promise<KeptRow | undefined> {
    for (;;) {
      const row = await table.read(key);
      const changed = row && decide(row);
      if (row === undefined) open.forget(key);
      if (row === undefined || changed === undefined) return undefined;
      const revision = await table.write(changed, row.revision);
      if (revision === undefined) continue;
      const kept = { ...changed, order: changed.order ?? revision, revision };
      note(kept);
      return kept;
    }
  }

  async function add(entry: NewEntry): Promise<'added' | 'duplicate'> {
    const row: Row = {
      entry: toPending(entry, clock.now()),
      fencingToken: null,
      leaseDurationMs: 0,
      order: null,
    };
    for (let over = 0; ;) {
      const revision = await table.write(row, over);
      if (revision !== undefined) {
        note({ ...row, order: revision, revision });
        return 'added';
      }
      const existing = await table.read(entry);
      if (existing !== undefined && !givesWay(existing.entry, entry)) return 'duplicate';
      over = existing?.revision ?? 0;
    }
  }

  async function claim(endpoint: string, limit: number, leaseDurationMs: number): Promise<Claim[]> {
    follow();
    const claims = open.takeDue(endpoint, limit).map(async (known) => {
      try {
        const claimed = await change(known, (row) =>
          row.revision === known.revision
            ? toRunning(row, leaseDurationMs, clock.now())
            : undefined,
        );
        return claimed && { ...claimed.entry, fencingToken: claimed.fencingToken ?? '' };
      } catch (error) {
        open.putBack(known);
        throw error;
      }
    });
    const settled = await Promise.allSettled(claims);
    const claimed = settled.flatMap((one) => (one.status === 'fulfilled' ? (one.value ?? []) : []));
    const failed = settled.find((one) => one.status === 'rejected');
    if (claimed.length === 0 && failed !== undefined) throw failed.reason;
    return claimed;
  }

  async function changeUnder(
    claimRef: ClaimRef,
    to: (row: KeptRow) => Partial<Row>,
  ): Promise<boolean> {
    const changed = await change(claimRef, (row) =>
      row.fencingToken === claimRef.fencingToken ? { ...row, ...to(row) } : undefined,
    );
    return changed !== undefined;
  }

  async function remove(row: KeptRow | undefined): Promise<boolean> {
    if (row === undefined || !(await table.remove(row))) return false;
    open.forget(row.entry);
    return true;
  }

  return {
    capabilities: { durable: true, shared: true, transactional: false },
    open(given) {
      log = given;
      const { max_payload: bytes = 0 } = connection.info ?? {};
      if (bytes >= ENOUGH_PAYLOAD_BYTES) return;
      given.warn({ bytes }, 'max_payload of nats-server is too small for large events: set 4MB');
    },
    add,
    claim,
    extend: (claimRef, leaseDurationMs) =>
      changeUnder(claimRef, ({ entry }) => ({
        leaseDurationMs,
        entry: { ...entry, dueAt: clock.now() + leaseDurationMs },
      })),
    settle: (claimRef, outcome) =>
      changeUnder(claimRef, ({ entry }) => ({
        fencingToken: null,
        entry: { ...entry, ...settled(entry, outcome, clock.now()) },
      })),
    subscribe(endpoint, heard) {
      const listener = (where: string) => where === endpoint && heard();
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    nextDueMs: async (endpoint) => open.nextDueMs(endpoint),
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
        return { ...row, entry };
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
      const keepMs = { done: doneMs, dead: deadMs, pending: Infinity, running: Infinity };
      let purged = 0;
      for (const row of await table.scan()) {
        const { state, finishedAt } = row.entry;
        const isPast = (finishedAt ?? Infinity) + keepMs[state] <= clock.now();
        if (isPast && (await remove(row))) purged += 1;
      }
      return purged;
    },
    close: async () => table.stop(),
  };
}

/** At the start of a series of attempts. */
function toPending(entry: NewEntry, now: number, succeededHandlers: readonly string[] = []): Entry {
  const series = { attempts: 0, succeededHandlers, reason: null, dueAt: now, finishedAt: null };
  return { ...entry, state: 'pending', ...series };
}

/** A drifted entry must not stand in the way of the real result. */
function givesWay(existing: Entry, entry: NewEntry): boolean {
  return existing.schemaError !== null && entry.schemaError === null && existing.state !== 'done';
}

function toRunning(row: KeptRow, leaseDurationMs: number, now: number): Row {
  const attempts = row.entry.attempts + 1;
  const entry: Entry = { ...row.entry, state: 'running', attempts, dueAt: now + leaseDurationMs };
  return { ...row, entry, fencingToken: randomUUID(), leaseDurationMs };
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
