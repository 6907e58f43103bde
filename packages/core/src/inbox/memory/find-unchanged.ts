import { isUnchanged } from '../is-unchanged.ts';
import type { EntryTarget } from '../ports.ts';
import type { MemoryTable, Row } from './memory-table.ts';

/** The row of a target, unless it was replayed or finished since the target was listed. */
export function findUnchanged(table: MemoryTable, target: EntryTarget): Row | undefined {
  const row = table.find(target);
  return row !== undefined && isUnchanged(row.entry, target) ? row : undefined;
}
