import type { ResolvedEntryQuery } from './entry-query.ts';
import type { Entry, EntryPage } from './ports.ts';

/** An entry and its number in the order of arrival. */
export interface ScannedEntry {
  readonly entry: Entry;
  readonly order: number;
}

/** Bounds the work for one page. */
const MAX_SCANNED = 10_000;

/**
 * One page of entries, for stores that cannot search.
 *
 * @param batches entries between `query.after` and `query.before`, in the order of the query. They may
 * leave out entries of other endpoints and states
 * @param readAt time of the store, in milliseconds since 1970
 * @example
 * list: (query) => {
 *   const resolved = resolveEntryQuery(query);
 *   return scanEntries(resolved, walk(resolved), clock.now());
 * }
 */
export async function scanEntries(
  { matches, limit, bodies }: ResolvedEntryQuery,
  batches: Iterable<readonly ScannedEntry[]> | AsyncIterable<readonly ScannedEntry[]>,
  readAt: number,
): Promise<EntryPage> {
  const found: ScannedEntry[] = [];
  let scanned = 0;
  let last = 0;
  const page = (cursor: number | undefined): EntryPage => ({
    entries: found.map(({ entry }) => (bodies ? entry : withoutBody(entry))),
    cursor: cursor === undefined ? null : String(cursor),
    ...{ scanned, readAt },
  });
  for await (const batch of batches) {
    for (const candidate of batch) {
      if (scanned >= MAX_SCANNED) return page(last);
      if (matches(candidate.entry)) {
        if (found.length === limit) return page(found.at(-1)?.order);
        found.push(candidate);
      }
      scanned += 1;
      last = candidate.order;
    }
  }
  return page(undefined);
}

function withoutBody(entry: Entry): Entry {
  return { ...entry, body: '', originalBody: null };
}
