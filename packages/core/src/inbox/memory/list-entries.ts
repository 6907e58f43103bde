import { resolveEntryQuery } from '../entry-query.ts';
import type { EntryPage, EntryQuery } from '../ports.ts';
import { copyEntry, type MemoryTable, type Row } from './memory-table.ts';

/** One page of entries, the latest arrival first. */
export function listEntries(table: MemoryTable, query: EntryQuery | undefined): EntryPage {
  const { endpoint, state, limit, before } = resolveEntryQuery(query);
  const found: Row[] = [];
  for (const row of [...table.rows].reverse()) {
    if (found.length > limit) break;
    if (row.order >= before) continue;
    if (endpoint !== undefined && row.entry.endpoint !== endpoint) continue;
    if (state !== undefined && row.entry.state !== state) continue;
    found.push(row);
  }
  const page = found.slice(0, limit);
  return {
    entries: page.map(({ entry }) => copyEntry(entry)),
    cursor: found.length > limit ? String(page.at(-1)?.order) : null,
  };
}
