import type { EntryPage, EntryQuery, EntryTable } from './ports.ts';

/** All pages of a query, from its cursor on. */
export async function* readPages(
  table: Pick<EntryTable, 'list'>,
  query: EntryQuery,
): AsyncGenerator<EntryPage> {
  let { cursor } = query;
  do {
    const page = await table.list({ ...query, cursor });
    yield page;
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined);
}
