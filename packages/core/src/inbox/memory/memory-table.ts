import { steadyTime, type Clock } from '../../shared/clock.ts';
import { createDueQueue, type DueQueue } from './due-queue.ts';
import type { Entry, EntryKey, EntryState, NewEntry } from '../ports.ts';

/** A row of the table. Its entry is replaced, never changed in place. */
export interface Row {
  /** Number in the order of arrival. */
  readonly order: number;
  entry: Entry;
  /** Of the current claim; `null` while no worker holds the entry. */
  fencingToken: string | null;
  /** Number of the series of attempts; no two series of any entries have the same. */
  series: number;
  /** Whether a claim has found the lease expired since it was last extended. */
  isOverdue: boolean;
}

/** Entries in memory, with an index for every operation of the store. */
export interface MemoryTable {
  /** Time of the store in milliseconds since 1970. Does not jump when the machine's clock is set. */
  now(): number;
  /** In order of arrival. */
  readonly rows: ReadonlyMap<string, Row>;
  /** By state. Done and dead entries are in the order in which they finished. */
  readonly states: Readonly<Record<EntryState, ReadonlySet<Row>>>;
  /** Memory of the entries in bytes, by state. */
  readonly bytes: Readonly<Record<EntryState, number>>;
  /** A fencing token that no claim had before. Begins with the series. */
  nextFencingToken(row: Row): string;
  nextSeries(): number;
  find(key: EntryKey): Row | undefined;
  insert(entry: NewEntry): void;
  change(row: Row, changes: Partial<Entry>, fencingToken: string | null): void;
  remove(row: Row): void;
  /** Unfinished rows of an endpoint: pending ones by due time, running ones by lease expiry. */
  queue(endpoint: string): DueQueue<Row>;
  queues(): Iterable<DueQueue<Row>>;
}

export function createMemoryTable(clock: Clock): MemoryTable {
  const rows = new Map<string, Row>();
  const queues = new Map<string, DueQueue<Row>>();
  const states = {
    pending: new Set<Row>(),
    running: new Set<Row>(),
    done: new Set<Row>(),
    dead: new Set<Row>(),
  };
  const bytes = { pending: 0, running: 0, done: 0, dead: 0 };
  let order = 0;
  const now = steadyTime(clock);
  const nextNumber = createCounter();

  function queue(endpoint: string): DueQueue<Row> {
    let found = queues.get(endpoint);
    if (found === undefined) queues.set(endpoint, (found = createDueQueue()));
    return found;
  }

  function index(row: Row): void {
    const { state, dueAt, endpoint } = row.entry;
    states[state].add(row);
    bytes[state] += bytesOf(row.entry);
    if (dueAt === null) queue(endpoint).remove(row);
    else queue(endpoint).set(row, dueAt, row.order);
  }

  function unindex(row: Row): void {
    states[row.entry.state].delete(row);
    bytes[row.entry.state] -= bytesOf(row.entry);
  }

  return {
    now,
    rows,
    states,
    queue,
    queues: () => queues.values(),
    bytes,
    nextFencingToken: ({ series }) => `${series}.${nextNumber()}`,
    nextSeries: nextNumber,
    find: (key) => rows.get(rowKey(key)),
    insert(entry) {
      order += 1;
      const row = createRow(entry, order, nextNumber(), now());
      rows.set(rowKey(entry), row);
      index(row);
    },
    change(row, changes, fencingToken) {
      unindex(row);
      row.entry = { ...row.entry, ...changes };
      row.fencingToken = fencingToken;
      row.isOverdue = false;
      index(row);
    },
    remove(row) {
      rows.delete(rowKey(row.entry));
      unindex(row);
      queue(row.entry.endpoint).remove(row);
      row.fencingToken = null;
    },
  };
}

function createCounter(): () => number {
  let last = 0;
  return () => (last += 1);
}

function createRow(entry: NewEntry, order: number, series: number, now: number): Row {
  const fresh = { ...entry, ...firstSeries(now), succeededHandlers: [] };
  return { order, entry: fresh, fencingToken: null, series, isOverdue: false };
}

/** The state of an entry at the start of a series of attempts. */
export function firstSeries(
  now: number,
): Pick<Entry, 'state' | 'attempts' | 'reason' | 'dueAt' | 'finishedAt'> {
  return { state: 'pending', attempts: 0, reason: null, dueAt: now, finishedAt: null };
}

/** Strings take two bytes per character; the constant covers the objects around the body. */
export function bytesOf(entry: NewEntry): number {
  return 2 * entry.body.length + 1024;
}

/** Unambiguous: the length separates `a` + `b:c` from `a:b` + `c`. */
function rowKey({ endpoint, taskId }: EntryKey): string {
  return `${endpoint.length}:${endpoint}:${taskId}`;
}
