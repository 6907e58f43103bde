import type { EntryTarget } from '../ports.ts';
import { findUnchanged } from './find-unchanged.ts';
import type { MemoryTable } from './memory-table.ts';

/** Deletes entries that are not running. Returns how many. */
export function discardEntries(table: MemoryTable, targets: readonly EntryTarget[]): number {
  return targets.filter((target) => {
    const row = findUnchanged(table, target);
    if (row === undefined || row.entry.state === 'running') return false;
    table.remove(row);
    return true;
  }).length;
}
