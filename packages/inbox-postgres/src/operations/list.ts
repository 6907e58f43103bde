import {
  resolveEntryQuery,
  type EntryPage,
  type EntryQuery,
  type ResolvedEntryQuery,
} from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { toConditions } from './conditions.ts';
import { entryColumns, JOIN_STATE, millisecondsText, parseNumber, toEntry } from './row.ts';
import type { Row, TextRow } from './row.ts';

/** Bounds the work for one page. */
const MAX_EXAMINED = 5000;

/**
 * A found entry and its place among the examined ones, which is NULL if none was found. If fewer were
 * found than wanted, `examined` counts the examined entries, and `last` is the id of the last.
 */
type PageRow = Row & TextRow<'examined' | 'read_at', 'place' | 'last'>;

/** Reads a page of entries. */
export async function list(query: Query, entryQuery: EntryQuery | undefined): Promise<EntryPage> {
  const resolved = resolveEntryQuery(entryQuery);
  const { text, values } = toStatement(resolved);
  const rows = await query<PageRow>(text, values);
  const found = rows.filter(({ place }) => place !== null);
  const page = found.slice(0, resolved.limit);
  const end = found.length > page.length ? page.at(-1) : undefined; // another page follows
  const examined = parseNumber(rows[0]?.examined ?? '0');
  const last = examined === MAX_EXAMINED ? rows[0]?.last : undefined;
  return {
    entries: page.map(toEntry).filter(resolved.matches),
    cursor: end?.id ?? last ?? null,
    scanned: end === undefined ? examined : parseNumber(end.place ?? '0'),
    readAt: parseNumber(rows[0]?.read_at ?? '0'),
  };
}

/**
 * A limited number of ids is read in order. Each is looked up in the tables until enough entries are
 * found: because of `OFFSET 0`, no filter can make the planner begin with another index or a whole
 * table. If all ids were looked up before, the same snapshot tells how many there are and which is the
 * last.
 *
 * The planner would take the filters for rare and expect to look up all ids. From an estimated cost of
 * `jit_above_cost` on it compiles the statement, which takes ten times as long as a page. It expects that
 * nearly every row passes `<> 0`.
 */
function toStatement(query: ResolvedEntryQuery): { text: string; values: unknown[] } {
  const conditions = toConditions(query.filter);
  const where = conditions.map(([sql], n) => sql.replace('$', () => `$${n + 4}::text`));
  const ids = selectIds(query);
  const { direction, furthest } = ORDERS[query.order];
  const text = `
WITH found AS MATERIALIZED (
  SELECT ${entryColumns(query)}, examined.place::text AS place
  FROM (SELECT id, row_number() OVER (ORDER BY id ${direction}) AS place FROM ${ids}) AS examined
  CROSS JOIN LATERAL (
    SELECT * FROM novita_webhooks.events WHERE events.id = examined.id OFFSET 0
  ) AS events
  ${JOIN_STATE}
  WHERE CASE WHEN ${['true', ...where].join(' AND ')} THEN 1 ELSE 0 END <> 0
  ORDER BY examined.id ${direction} LIMIT $3::integer
), page AS (
  SELECT count(*)::text AS examined, ${furthest}(id)::text AS last,
         ${millisecondsText('clock_timestamp()')} AS read_at
  FROM ${ids} WHERE (SELECT count(*) FROM found) < $3::integer
)
SELECT * FROM page LEFT JOIN found ON true ORDER BY place::bigint`;
  const { before, after, limit } = query;
  // One more entry than the page has shows that another page follows.
  return { text, values: [before, after, limit + 1, ...conditions.map(([, value]) => value)] };
}

const ORDERS = {
  newest: { direction: 'DESC', furthest: 'min' },
  oldest: { direction: 'ASC', furthest: 'max' },
} as const;

/** Selects the ids to examine, in order. */
function selectIds(query: ResolvedEntryQuery): string {
  const ordered = `ORDER BY id ${ORDERS[query.order].direction} LIMIT ${MAX_EXAMINED}`;
  const sources = sourcesOf(query).map(
    (source) => `(SELECT id FROM (SELECT ${source}) AS source
      WHERE id < $1::bigint AND id > $2::bigint ${ordered})`,
  );
  return `(SELECT id FROM (${sources.join(' UNION ALL ')}) AS sources ${ordered}) AS ids`;
}

/** Tables with the ids of all entries in these states, and of few others. An index has their order. */
function sourcesOf({ storedStates: states, filter }: ResolvedEntryQuery): readonly string[] {
  const { endpoint } = filter;
  if (states === undefined) return [endpoint === undefined ? EVENTS : EVENTS_OF_ENDPOINT];
  const has = (state: (typeof states)[number]) => states.includes(state);
  const unfinished = has('pending') ? [PENDING] : has('running') ? [RUNNING] : [];
  const finished = has('done') ? [FINISHED] : has('dead') ? [DEAD] : [];
  return states.length === 0 ? [NOTHING] : [...unfinished, ...finished];
}

const EVENTS = 'id FROM novita_webhooks.events';
/** The endpoint is the first condition. The index has the id as `id + 0`: see 002-functions.ts. */
const EVENTS_OF_ENDPOINT = 'id + 0 AS id FROM novita_webhooks.events WHERE endpoint = $4::text';
const PENDING = 'id FROM novita_webhooks.pending_entries';
const RUNNING = `${PENDING} WHERE fencing_token IS NOT NULL`;
const FINISHED = 'id FROM novita_webhooks.finished_entries';
const DEAD = `${FINISHED} WHERE state = 'dead'`;
const NOTHING = 'NULL::bigint AS id WHERE false';
