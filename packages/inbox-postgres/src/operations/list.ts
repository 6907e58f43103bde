import {
  resolveEntryQuery,
  type EntryPage,
  type EntryQuery,
  type ResolvedEntryQuery,
} from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { toConditions } from './entry-conditions.ts';
import { entryColumns, JOIN_STATE, parseNumber, toEntry, toMilliseconds } from './row.ts';
import type { Row, TextRow } from './row.ts';

/** Bounds the work for one page. */
const MAX_EXAMINED = 10_000;

/**
 * A found entry and its place among the examined ones, which is NULL if none was found. `examined`
 * counts the entries, and `last` is the id of the last, if fewer were found than wanted.
 */
type PageRow = Row & TextRow<'examined' | 'read_at', 'place' | 'last'>;

/** Reads a page of entries. */
export async function list(query: Query, entryQuery: EntryQuery | undefined): Promise<EntryPage> {
  const resolved = resolveEntryQuery(entryQuery);
  const rows = await query<PageRow>(toText(resolved), toValues(resolved));
  const found = rows.filter(({ place }) => place !== null);
  const page = found.slice(0, resolved.limit);
  const end = found.length > page.length ? page.at(-1) : undefined; // another page begins there
  const examined = parseNumber(rows[0]?.examined ?? '0');
  const last = examined === MAX_EXAMINED ? rows[0]?.last : undefined;
  return {
    entries: page.map(toEntry).filter(resolved.matches),
    cursor: end?.id ?? last ?? null,
    scanned: end === undefined ? examined : parseNumber(end.place ?? '0'),
    readAt: parseNumber(rows[0]?.read_at ?? '0'),
  };
}

/** One more entry than the page has shows that another page exists. */
const toValues = ({ before, after, limit, filter }: ResolvedEntryQuery): unknown[] => [
  ...[before, after, limit + 1],
  ...toConditions(filter).map(([, value]) => value),
];

/**
 * The ids to examine are read in order, and their number is limited. Each is looked up in the tables,
 * by joins that only a nested loop can do, until enough entries are found. If there are not enough, the
 * cursor is the last id: then it is read in the same snapshot.
 */
function toText(query: ResolvedEntryQuery): string {
  const ids = selectIds(query);
  const direction = directionOf(query);
  const conditions = toConditions(query.filter).map(
    ([sql], index) => `AND ${sql.replace('$', () => `$${index + 4}::text`)}`,
  );
  return `
WITH found AS MATERIALIZED (
  SELECT ${entryColumns(query)}, examined.place::text AS place
  FROM (SELECT id, row_number() OVER (ORDER BY id ${direction}) AS place FROM ${ids}) AS examined
  JOIN novita_webhooks.events ON events.id = ANY (ARRAY[examined.id])
  ${JOIN_STATE}
  WHERE true ${conditions.join(' ')}
  ORDER BY examined.id ${direction} LIMIT $3::integer
), page AS (
  SELECT count(*)::text AS examined, ${query.order === 'newest' ? 'min' : 'max'}(id)::text AS last,
         ${toMilliseconds('clock_timestamp()')}::text AS read_at
  FROM ${ids} WHERE (SELECT count(*) FROM found) < $3::integer
)
SELECT * FROM page LEFT JOIN found ON true ORDER BY place::bigint`;
}

const directionOf = ({ order }: ResolvedEntryQuery) => (order === 'newest' ? 'DESC' : 'ASC');

/** Selects at most `MAX_EXAMINED` ids, in order. */
function selectIds(query: ResolvedEntryQuery): string {
  const ordered = `ORDER BY id ${directionOf(query)} LIMIT ${MAX_EXAMINED}`;
  const sources = sourcesOf(query).map(
    (source) => `(SELECT id FROM (SELECT ${source}) AS source
      WHERE id < $1::bigint AND id > $2::bigint ${ordered})`,
  );
  return `(SELECT id FROM (${sources.join(' UNION ALL ')}) AS sources ${ordered}) AS ids`;
}

/** Where the ids are. Each source has an index by which it is read in order. */
function sourcesOf({ filter: { states, endpoint } }: ResolvedEntryQuery): readonly string[] {
  if (states === undefined) {
    return endpoint === undefined
      ? ['id FROM novita_webhooks.events']
      : // $4 is the endpoint. Its index has the id as `id + 0`: see migrations/002-functions.ts.
        ['id + 0 AS id FROM novita_webhooks.events WHERE endpoint = $4::text'];
  }
  if (states.length === 0) return ['NULL::bigint AS id WHERE false'];
  const [isPending, isDone] = [states.includes('pending'), states.includes('done')];
  return [
    ...(isPending ? ['id FROM novita_webhooks.pending_entries'] : []),
    ...(states.includes('running') && !isPending
      ? ['id FROM novita_webhooks.pending_entries WHERE fencing_token IS NOT NULL']
      : []),
    ...(isDone ? ['id FROM novita_webhooks.finished_entries'] : []),
    ...(states.includes('dead') && !isDone
      ? ["id FROM novita_webhooks.finished_entries WHERE state = 'dead'"]
      : []),
  ];
}
