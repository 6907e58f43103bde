import { isUnchanged } from '../is-unchanged.ts';
import type { EntryTarget } from '../ports.ts';
import type { MemoryTable } from './memory-table.ts';
import type { Row } from './row.ts';

/** The row of a target, unless it was replayed or finished since the target was listed. */
export function findUnchanged(table: MemoryTable, target: EntryTarget): Row | undefined {
  const row = table.find(target);
  return row !== undefined && isUnchanged(row.entry, target) ? row : undefined;
}
