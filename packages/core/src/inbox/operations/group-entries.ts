import { checkGroupsQuery } from '../entry-query.ts';
import { errorGroupOf } from '../error-group.ts';
import type {
  Entry,
  EntryFilter,
  EntryGroup,
  EntryGroups,
  EntryQuery,
  EntryTable,
} from '../ports.ts';
import { readPages } from '../read-pages.ts';
import { bindCursor, readCursor } from './bound-cursor.ts';

/** Bounds the work of one call. */
const MAX_SCANNED = 100_000;
const PAGE_SIZE = 1000;

/** Groups failures by their error, the largest group first. */
export async function groupEntries(
  store: EntryTable,
  input: EntryFilter & Pick<EntryQuery, 'cursor'> = {},
): Promise<EntryGroups> {
  const { cursor: from, ...filter } = checkGroupsQuery(input);
  const call = { groups: filter };
  const cursor = from && readCursor('groups', from, call);
  const groups = new Map<string, EntryGroup>();
  let scanned = 0;
  let next: string | null = null;
  const query = { ...filter, cursor, limit: PAGE_SIZE, bodies: false };
  for await (const page of readPages(store, query)) {
    for (const entry of page.entries) addTo(groups, entry);
    scanned += page.scanned;
    next = page.cursor;
    if (scanned >= MAX_SCANNED) break;
  }
  const sorted = [...groups.values()].sort((one, other) => other.count - one.count);
  return { groups: sorted, scanned, cursor: next === null ? null : bindCursor(next, call) };
}

function addTo(groups: Map<string, EntryGroup>, entry: Entry): void {
  const { endpoint, taskId, reason } = entry;
  const errorGroup = errorGroupOf(reason);
  if (reason === null || errorGroup === null) return;
  const at = entry.finishedAt ?? entry.receivedAt;
  const group = groups.get(errorGroup);
  groups.set(errorGroup, {
    errorGroup,
    count: (group?.count ?? 0) + 1,
    firstAt: Math.min(group?.firstAt ?? at, at),
    lastAt: Math.max(group?.lastAt ?? at, at),
    example: group?.example ?? { endpoint, taskId, reason },
  });
}
