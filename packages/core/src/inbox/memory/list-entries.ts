import { resolveEntryQuery, type ResolvedEntryQuery } from '../entry-query.ts';
import type { StoredState } from '../expectation.ts';
import type { EntryPage, EntryQuery } from '../ports.ts';
import { scanEntries, type ScannedEntry } from '../scan-entries.ts';
import { copyEntry, type MemoryTable } from './memory-table.ts';
import type { Row } from './row.ts';

/** Reads a page of entries. */
export async function listEntries(
  table: MemoryTable,
  query: EntryQuery | undefined,
): Promise<EntryPage> {
  const resolved = resolveEntryQuery(query);
  const page = await scanEntries(resolved, [rowsFor(table, resolved)], table.now());
  return { ...page, entries: page.entries.map(copyEntry) };
}

function rowsFor(table: MemoryTable, query: ResolvedEntryQuery): readonly ScannedEntry[] {
  const { order, before, after, storedStates } = query;
  const all = storedStates === undefined ? [...table.rows] : rowsIn(table, storedStates);
  const rows = all.filter((row) => row.order < before && row.order > after);
  return order === 'newest' ? rows.reverse() : rows;
}

function rowsIn({ states }: MemoryTable, wanted: readonly StoredState[]): Row[] {
  const rows = wanted.flatMap((state) => [...states[state]]);
  return rows.sort((one, other) => one.order - other.order);
}
