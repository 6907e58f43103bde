import {
  resolveEntryQuery,
  type EntryPage,
  type EntryQuery,
  type StoredState,
  type ResolvedEntryQuery,
} from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import { toConditions, type Condition } from './conditions.ts';
import { selectEntry, toEntry, type Row } from './row.ts';

/** Entries that one page examines. Bounds how long it blocks the event loop. */
const MAX_SCANNED = 5000;

/** Walks the entries in the order of arrival, or those of some states by their index. */
export function list(
  connection: Connection,
  query: EntryQuery | undefined,
  now: number,
): EntryPage {
  const resolved = resolveEntryQuery(query);
  const states = statesOf(resolved);
  const conditions = [...states.conditions, ...toConditions(resolved.filter)];
  const walk = conditions.length > 0 ? measureWalk(connection, resolved, states.indexed) : ALL;
  const rows = readPage(connection, resolved, { ...states, conditions, end: walk.end });
  const page = rows.slice(0, resolved.limit);
  const next = rows.length > resolved.limit ? page.at(-1)?.id : walk.end;
  return {
    entries: page.map(toEntry),
    cursor: next === undefined ? null : String(next),
    scanned: walk.scanned ?? page.length,
    readAt: now,
  };
}

interface States {
  /** States whose entries are found by the partial index, which has no done entries. */
  readonly indexed: readonly StoredState[] | undefined;
  readonly conditions: readonly Condition[];
}

function statesOf({ filter: { states }, storedStates }: ResolvedEntryQuery): States {
  if (states === undefined || storedStates === undefined) return ANY_STATE;
  const names = states.map((state) => `'${state}'`).join();
  const hasDone = storedStates.includes('done');
  // The index tells the states apart, but not expectations from events.
  const isExact = !hasDone && storedStates.every((state) => state === 'dead');
  const conditions = isExact ? [] : [{ sql: `${SHOWN_STATE} IN (${names})`, params: {} }];
  return { indexed: hasDone ? undefined : storedStates, conditions };
}

const ANY_STATE: States = { indexed: undefined, conditions: [] };

/** The state that core shows: see its inbox/expectation.ts. */
const SHOWN_STATE = `CASE
    WHEN source = 'expectation' AND schema_error IS NOT NULL AND state IN ('pending', 'running')
    THEN 'expected' ELSE state END`;

/** The planner uses a partial index only if the text says what it leaves out. */
const inIndex = (states: readonly StoredState[]) =>
  `state IN (${states.map((state) => `'${state}'`).join()}) AND state <> 'done'`;
const INDEX = 'INDEXED BY novita_entries_state';

const DIRECTION = { newest: 'DESC', oldest: 'ASC' } as const;
const FURTHEST = { newest: 'min', oldest: 'max' } as const;

interface Walk {
  /** `undefined`: only what the page returns. */
  readonly scanned?: number;
  /** Id of the last entry that may be examined; `undefined` if all may. */
  readonly end?: number | undefined;
}

const ALL: Walk = {};

/** How far a walk gets that examines `MAX_SCANNED` entries. */
function measureWalk(
  connection: Connection,
  { order, before, after }: ResolvedEntryQuery,
  indexed: readonly StoredState[] | undefined,
): Walk {
  const last = `ORDER BY id ${DIRECTION[order]} LIMIT ${MAX_SCANNED}`;
  const walk = (source: string, condition: string) =>
    `SELECT id FROM ${source} WHERE id < :before AND id > :after AND ${condition} ${last}`;
  const [first = walk('novita_entries', 'true'), ...others] =
    indexed?.map((state) => walk(`novita_entries ${INDEX}`, inIndex([state]))) ?? [];
  const all = [first, ...others].map((one) => `SELECT id FROM (${one})`).join(' UNION ALL ');
  const ids = others.length === 0 ? first : `SELECT id FROM (${all}) ${last}`;
  const sql = `SELECT count(*) AS scanned, ${FURTHEST[order]}(id) AS last FROM (${ids})`;
  const [row] = connection.all(sql, { before, after }) as { scanned: number; last: number }[];
  const scanned = row?.scanned ?? 0;
  return { scanned, end: scanned < MAX_SCANNED ? undefined : row?.last };
}

interface PageParts extends States {
  readonly end: number | undefined;
}

function readPage(
  connection: Connection,
  { order, limit, bodies, before, after }: ResolvedEntryQuery,
  { indexed, conditions, end }: PageParts,
): readonly Row[] {
  const source = `novita_entries ${indexed ? INDEX : ''} JOIN novita_events USING (id)`;
  const sql = [
    `${selectEntry(source, bodies)}
WHERE id < :before AND id > :after`,
    ...(indexed ? [inIndex(indexed)] : []),
    ...conditions.map((condition) => condition.sql),
  ].join('\n  AND ');
  return connection.all(`${sql}\nORDER BY id ${DIRECTION[order]} LIMIT :limit`, {
    ...Object.fromEntries(conditions.flatMap(({ params }) => Object.entries(params))),
    before: order === 'oldest' && end !== undefined ? end + 1 : before,
    after: order === 'newest' && end !== undefined ? end - 1 : after,
    limit: limit + 1, // one more, which shows whether another page follows
  }) as Row[];
}
