import { resolveEntryQuery, type ResolvedEntryQuery } from '../entry-query.ts';
import type { EntryPage, EntryQuery, EntryState } from '../ports.ts';
import { scanEntries, type ScannedEntry } from '../scan-entries.ts';
import { copyEntry, type MemoryTable, type Row } from './memory-table.ts';

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
  const { order, before, after, filter } = query;
  const all = filter.states === undefined ? [...table.rows] : rowsIn(table, filter.states);
  const rows = all.filter((row) => row.order < before && row.order > after);
  return order === 'newest' ? rows.reverse() : rows;
}

function rowsIn({ states }: MemoryTable, wanted: readonly EntryState[]): Row[] {
  const rows = [...new Set(wanted)].flatMap((state) => [...states[state]]);
  return rows.sort((one, other) => one.order - other.order);
}
