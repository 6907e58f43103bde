import { checkEntryFilter } from '../entry-query.ts';
import type { EntryFilter, EntryTable } from '../ports.ts';
import { readPages } from '../read-pages.ts';

/** Bounds the memory: each entry may have a body of a MiB. */
const PAGE_SIZE = 50;

/** See `EntryAdmin.export`. */
export function exportEntries(store: EntryTable, filter: EntryFilter = {}): AsyncGenerator<string> {
  return toLines(store, checkEntryFilter('export', filter)); // at once: the caller may change it
}

async function* toLines(store: EntryTable, filter: EntryFilter): AsyncGenerator<string> {
  for await (const page of readPages(store, { ...filter, order: 'oldest', limit: PAGE_SIZE })) {
    for (const entry of page.entries) yield `${JSON.stringify(entry)}\n`;
  }
}
