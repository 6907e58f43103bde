// Adds an entry to the table in memory, unless its task is there.
import { WebhookError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import { hasForeignToken, inheritExpectation } from '../expectation.ts';
import type { AddAnswer, Entry, NewEntry } from '../ports.ts';
import { bytesOf, copyMetadata, type MemoryTable } from './memory-table.ts';

export interface Capacity {
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly log: Logger;
}

/** @throws WebhookError `inbox_full` */
export function addEntry(table: MemoryTable, entry: NewEntry, capacity: Capacity): AddAnswer {
  const existing = table.find(entry);
  if (existing !== undefined && !isReplaceable(existing.entry, entry)) return 'duplicate';
  if (table.hasOtherTask(entry)) return 'other_task';
  if (existing !== undefined && hasForeignToken(existing.entry, entry)) return 'other_task';
  rejectIfFull(table, entry, existing?.entry, capacity);
  const inherited = existing === undefined ? entry : inheritExpectation(existing.entry, entry);
  const metadata = copyMetadata(inherited.metadata); // first: if it throws, nothing may be lost
  if (existing !== undefined) table.remove(existing);
  deleteFinished(table, entry, capacity);
  table.insert(inherited, metadata);
  return 'added';
}

/** An entry with a schema error must not block the real result. */
function isReplaceable(existing: Entry, entry: NewEntry): boolean {
  return existing.schemaError !== null && entry.schemaError === null && existing.state !== 'done';
}

/** Unfinished entries are never deleted. If `entry` does not fit beside them, nothing is deleted. */
function rejectIfFull(
  { states, bytes }: MemoryTable,
  entry: NewEntry,
  replaced: Entry | undefined,
  { maxEntries, maxBytes }: Capacity,
): void {
  const isCounted = replaced?.state === 'pending' || replaced?.state === 'running';
  const freedBytes = isCounted ? bytesOf(replaced) : 0;
  const entries = states.pending.size + states.running.size + 1 - (isCounted ? 1 : 0);
  const needed = bytes.pending + bytes.running + bytesOf(entry) - freedBytes;
  if (entries <= maxEntries && needed <= maxBytes) return;
  throw new WebhookError(
    'inbox_full',
    'memoryInbox: full of entries that are not finished. Raise maxEntries or maxBytes, or use a durable inbox.',
  );
}

/** Deletes finished entries until `entry` fits: first done ones, then dead letters, oldest first. */
function deleteFinished(
  table: MemoryTable,
  entry: NewEntry,
  { maxEntries, maxBytes, log }: Capacity,
): void {
  const { rows, states, bytes } = table;
  const isFull = () =>
    rows.size + 1 > maxEntries ||
    bytes.pending + bytes.running + bytes.done + bytes.dead + bytesOf(entry) > maxBytes;
  for (const oldest of states.done) {
    if (!isFull()) return;
    table.remove(oldest);
  }
  for (const oldest of states.dead) {
    if (!isFull()) return;
    const { taskId, reason } = oldest.entry;
    log.warn({ taskId, reason }, DEAD_LETTER_DELETED);
    table.remove(oldest);
  }
}

const DEAD_LETTER_DELETED =
  'memoryInbox: full, so the oldest dead letter was deleted. Raise maxEntries or maxBytes, or use a durable inbox.';
