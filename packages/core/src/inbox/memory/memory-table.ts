import { steadyTime, type Clock } from '../../shared/clock.ts';
import type { JsonObject } from '../../shared/json.ts';
import { isExpectation, type StoredState } from '../expectation.ts';
import type { Entry, NewEntry } from '../ports.ts';
import { createEndpointRows, type EndpointRows } from './endpoint-rows.ts';
import type { Row } from './row.ts';

/** Entries in memory, with an index for every operation of the store. */
export interface MemoryTable extends Omit<EndpointRows, 'put' | 'remove'> {
  /** Time of the store in milliseconds since 1970. Does not jump when the machine's clock is set. */
  now(): number;
  /** In order of arrival. */
  readonly rows: ReadonlySet<Row>;
  /** By state. Done and dead entries are in the order in which they finished. */
  readonly states: Readonly<Record<StoredState, ReadonlySet<Row>>>;
  /** Unfinished entries without a result. */
  readonly expected: ReadonlySet<Row>;
  /** Memory of the entries in bytes, by state. */
  readonly bytes: Readonly<Record<StoredState, number>>;
  /** A fencing token that no claim had before. Begins with the series. */
  nextFencingToken(row: Row): string;
  nextSeries(): number;
  /** @param metadata a copy of the entry's */
  insert(entry: NewEntry, metadata: JsonObject): Row;
  change(row: Row, changes: Partial<Entry>, fencingToken: string | null): void;
  remove(row: Row): void;
}

export function createMemoryTable(clock: Clock): MemoryTable {
  const rows = new Set<Row>();
  const { put, remove, ...lookups } = createEndpointRows();
  const { enterState, leaveState, ...byState } = createStates();
  let order = 0;
  const now = steadyTime(clock);
  const nextNumber = createCounter();

  function schedule(row: Row): void {
    const { dueAt, endpoint } = row.entry;
    const queue = lookups.queue(endpoint);
    if (dueAt === null) queue.remove(row);
    else queue.set(row, dueAt, row.order);
  }

  return {
    now,
    rows,
    ...byState,
    ...lookups,
    nextFencingToken: ({ series }) => `${series}.${nextNumber()}`,
    nextSeries: nextNumber,
    insert(entry, metadata) {
      order += 1;
      const row = createRow({ entry, metadata, order, series: nextNumber(), now: now() });
      rows.add(row);
      put(row);
      enterState(row);
      schedule(row);
      return row;
    },
    change(row, changes, fencingToken) {
      const isMoved = changes.state !== undefined; // also when only the memory of the row changes
      if (isMoved) leaveState(row);
      Object.assign(row.entry, changes);
      if (isMoved) enterState(row);
      if (changes.dueAt !== undefined) schedule(row);
      row.fencingToken = fencingToken;
      row.isOverdue = false;
    },
    remove(row) {
      rows.delete(row);
      remove(row);
      leaveState(row);
      row.fencingToken = null;
    },
  };
}

/** The rows of each state, and their memory. */
function createStates() {
  const states = {
    pending: new Set<Row>(),
    running: new Set<Row>(),
    done: new Set<Row>(),
    dead: new Set<Row>(),
  };
  const expected = new Set<Row>();
  const bytes = { pending: 0, running: 0, done: 0, dead: 0 };
  return {
    states,
    expected,
    bytes,
    enterState(row: Row): void {
      const { state } = row.entry;
      states[state].add(row);
      if (isOpen(state) && isExpectation(row.entry)) expected.add(row);
      bytes[state] += bytesOf(row.entry);
    },
    leaveState(row: Row): void {
      const { state } = row.entry;
      states[state].delete(row);
      expected.delete(row);
      bytes[state] -= bytesOf(row.entry);
    },
  };
}

const isOpen = (state: StoredState) => state === 'pending' || state === 'running';

function createCounter(): () => number {
  let last = 0;
  return () => (last += 1);
}

interface NewRow extends Pick<Row, 'order' | 'series'> {
  readonly entry: NewEntry;
  readonly metadata: JsonObject;
  readonly now: number;
}

/** Names each field: a spread into an object with further fields costs many times as much. */
function createRow({ entry, metadata, order, series, now }: NewRow): Row {
  const { endpoint, taskId, status, taskType, body, schemaError, testMode, receivedAt } = entry;
  const { source, traceparent, tokenId } = entry;
  const fresh: Row['entry'] = {
    endpoint,
    taskId,
    status,
    taskType,
    body,
    schemaError,
    metadata,
    testMode,
    receivedAt,
    source,
    traceparent,
    tokenId,
    state: 'pending',
    attempts: 0,
    succeededHandlers: [],
    reason: null,
    dueAt: now,
    finishedAt: null,
    replays: 0,
    partialReplay: null,
    attemptLog: [],
    originalBody: null,
  };
  return { order, entry: fresh, fencingToken: null, series, isOverdue: false };
}

/** Shares no object with the entry, as if it came from a database. */
export function copyEntry(entry: Entry): Entry {
  const { metadata, succeededHandlers, partialReplay, attemptLog } = entry;
  return {
    ...entry,
    metadata: copyMetadata(metadata),
    succeededHandlers: [...succeededHandlers],
    partialReplay: partialReplay && structuredClone(partialReplay),
    attemptLog: attemptLog.length === 0 ? [] : structuredClone(attemptLog),
  };
}

/** @throws DataCloneError if the metadata is not data */
export function copyMetadata(metadata: JsonObject): JsonObject {
  const isFlat = Object.values(metadata).every(isPrimitive); // mostly; a clone costs ten times as much
  return isFlat ? { ...metadata } : structuredClone(metadata);
}

function isPrimitive(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** Strings take two bytes per character; the constant covers the objects around the body. */
export function bytesOf(entry: NewEntry): number {
  const { originalBody } = entry as Partial<Entry>;
  return 2 * (entry.body.length + (originalBody?.length ?? 0)) + 1024;
}
