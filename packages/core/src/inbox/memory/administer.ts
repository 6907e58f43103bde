import type { Entry, EntryTarget, NewEntry, StoreReplayOptions } from '../ports.ts';
import {
  copyEntry,
  copyMetadata,
  firstSeries,
  type MemoryTable,
  type Row,
} from './memory-table.ts';

export function replayEntries(
  table: MemoryTable,
  targets: readonly EntryTarget[],
  options: StoreReplayOptions = {},
): number {
  return targets.filter((target) => replay(table, findUnchanged(table, target), options)).length;
}

function replay(
  table: MemoryTable,
  row: Row | undefined,
  { handlers, body }: StoreReplayOptions,
): boolean {
  if (row === undefined) return false;
  const { state, reason, succeededHandlers, replays } = row.entry;
  if (state !== 'done' && state !== 'dead') return false;
  row.series = table.nextSeries();
  const isKept = (name: string) => state === 'dead' && handlers?.includes(name) !== true;
  table.change(
    row,
    {
      ...firstSeries(table.now()),
      ...replaceBody(row.entry, body),
      replays: replays + 1,
      succeededHandlers: succeededHandlers.filter(isKept),
      partialReplay: handlers
        ? { handlers: [...handlers], deadReason: state === 'dead' ? (reason ?? '') : null }
        : null,
    },
    null,
  );
  return true;
}

function replaceBody(entry: Entry, body: StoreReplayOptions['body']): Partial<Entry> {
  if (body === undefined) return {};
  return { ...body, originalBody: entry.originalBody ?? entry.body, schemaError: null };
}

export function discardEntries(table: MemoryTable, targets: readonly EntryTarget[]): number {
  return targets.filter((target) => {
    const row = findUnchanged(table, target);
    if (row === undefined || row.entry.state === 'running') return false;
    table.remove(row);
    return true;
  }).length;
}

/** The row of a target, unless it was replayed or finished since the target was listed. */
function findUnchanged(table: MemoryTable, target: EntryTarget): Row | undefined {
  const row = table.find(target);
  if (row === undefined) return undefined;
  const { replays = row.entry.replays, finishedAt = row.entry.finishedAt } = target;
  return row.entry.replays === replays && row.entry.finishedAt === finishedAt ? row : undefined;
}

export function restoreEntries(
  table: MemoryTable,
  entries: readonly Entry[],
  add: (entry: NewEntry) => void,
): number {
  return entries.filter((entry) => {
    if (table.find(entry) !== undefined) return false;
    add(entry);
    const row = table.find(entry);
    if (row !== undefined) table.change(row, toRestored(entry, table.now()), null);
    return true;
  }).length;
}

/** The fields that a new entry does not have. */
function toRestored(entry: Entry, now: number): Partial<Entry> {
  const { state, attempts, reason, replays, partialReplay, finishedAt, originalBody } = entry;
  const { succeededHandlers, attemptLog } = copyEntry({ ...entry, metadata: copyMetadata({}) });
  const isFinished = state === 'done' || state === 'dead';
  return {
    ...{ attempts, reason, replays, partialReplay, succeededHandlers, attemptLog, originalBody },
    ...(isFinished
      ? { state, dueAt: null, finishedAt: finishedAt ?? now }
      : {
          state: 'pending',
          dueAt: state === 'pending' ? (entry.dueAt ?? now) : now,
          finishedAt: null,
        }),
  };
}
