import { checkEntryFilter } from '../entry-query.ts';
import type { EntryFilter, EntryTable } from '../ports.ts';

/** Bounds the memory: each entry may have a body of a MiB. */
const PAGE_SIZE = 50;

/** See `EntryAdmin.export`. */
export async function* exportEntries(
  store: EntryTable,
  filter: EntryFilter = {},
): AsyncGenerator<string> {
  checkEntryFilter('export', filter);
  let cursor: string | undefined;
  do {
    const page = await store.list({ ...filter, order: 'oldest', limit: PAGE_SIZE, cursor });
    for (const entry of page.entries) yield `${JSON.stringify(entry)}\n`;
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined);
}
