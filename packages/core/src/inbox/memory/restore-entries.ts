import type { Entry, NewEntry } from '../ports.ts';
import { copyEntry, type MemoryTable } from './memory-table.ts';

/** Adds entries of another inbox with their state. Returns how many. */
export function restoreEntries(
  table: MemoryTable,
  entries: readonly Entry[],
  add: (entry: NewEntry) => void,
): number {
  return entries.filter((entry) => {
    if (table.find(entry) !== undefined) return false;
    add(table.hasOtherTask(entry) ? { ...entry, tokenId: null } : entry); // nothing may be lost
    const row = table.find(entry);
    if (row !== undefined) table.change(row, toRestored(copyEntry(entry), table.now()), null);
    return true;
  }).length;
}

/** The fields that a new entry does not have. */
function toRestored(entry: Entry, now: number): Partial<Entry> {
  const { state, attempts, succeededHandlers, reason, replays, partialReplay } = entry;
  const { dueAt, finishedAt, attemptLog, originalBody } = entry;
  const kept = { attempts, succeededHandlers, reason, replays, partialReplay };
  return {
    ...{ ...kept, attemptLog, originalBody },
    ...(state === 'done' || state === 'dead'
      ? { state, dueAt: null, finishedAt: finishedAt ?? now }
      : { state: 'pending', dueAt: (state === 'pending' ? dueAt : null) ?? now, finishedAt: null }),
  };
}
