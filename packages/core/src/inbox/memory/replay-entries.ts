import type { EntryTarget, StoreReplayOptions } from '../ports.ts';
import { replayChanges } from '../replay-changes.ts';
import { findUnchanged } from './find-unchanged.ts';
import type { MemoryTable } from './memory-table.ts';
import type { Row } from './row.ts';

/** Gives done and dead entries another series of attempts. Returns how many. */
export function replayEntries(
  table: MemoryTable,
  targets: readonly EntryTarget[],
  options?: StoreReplayOptions,
): number {
  return targets.filter((target) => replay(table, findUnchanged(table, target), options)).length;
}

function replay(table: MemoryTable, row: Row | undefined, options?: StoreReplayOptions): boolean {
  const changes = row && replayChanges(row.entry, options);
  if (row === undefined || changes === undefined) return false;
  row.series = table.nextSeries();
  table.change(row, { ...changes, dueAt: table.now() }, null);
  return true;
}
