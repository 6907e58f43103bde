import {
  resolveEntryQuery,
  type EntryPage,
  type EntryQuery,
  type EntryState,
} from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import {
  EVENT_COLUMNS,
  EVENTS_WITH_STATE,
  FINISHED_COLUMNS,
  PENDING_COLUMNS,
  STATE_COLUMNS,
  toEntry,
  type Row,
} from './row.ts';

const selectEvents = (id: string, condition: string) => `
SELECT ${EVENT_COLUMNS}, ${STATE_COLUMNS}
FROM ${EVENTS_WITH_STATE}
WHERE ${id} < $1::bigint AND ${condition}
ORDER BY ${id} DESC LIMIT $2::integer`;

const OF_ANY_ENDPOINT = selectEvents('events.id', '$3::text IS NULL');
/** The index on the endpoint has the id as `id + 0`: see migrations/002-functions.ts. */
const OF_ONE_ENDPOINT = selectEvents('events.id + 0', 'events.endpoint = $3::text');

const selectPending = (condition: string) => `
SELECT ${EVENT_COLUMNS}, ${PENDING_COLUMNS}
FROM novita_webhooks.pending_entries
JOIN novita_webhooks.events ON events.id = pending_entries.id
WHERE pending_entries.id < $1::bigint
  AND ($3::text IS NULL OR pending_entries.endpoint = $3::text) AND ${condition}
ORDER BY pending_entries.id DESC LIMIT $2::integer`;

const selectFinished = (state: 'done' | 'dead') => `
SELECT ${EVENT_COLUMNS}, ${FINISHED_COLUMNS}
FROM novita_webhooks.finished_entries
JOIN novita_webhooks.events ON events.id = finished_entries.id
WHERE finished_entries.id < $1::bigint AND ($3::text IS NULL OR events.endpoint = $3::text)
  AND finished_entries.state = '${state}'
ORDER BY finished_entries.id DESC LIMIT $2::integer`;

const BY_STATE: Readonly<Record<EntryState, string>> = {
  pending: selectPending('pending_entries.fencing_token IS NULL'),
  running: selectPending('pending_entries.fencing_token IS NOT NULL'),
  done: selectFinished('done'),
  dead: selectFinished('dead'),
};

/** Reads a page of entries, the latest arrival first. */
export async function list(query: Query, filter: EntryQuery | undefined): Promise<EntryPage> {
  const { endpoint, state, limit, before } = resolveEntryQuery(filter);
  const ofAnyState = endpoint === undefined ? OF_ANY_ENDPOINT : OF_ONE_ENDPOINT;
  const rows = await query<Row>(state === undefined ? ofAnyState : BY_STATE[state], [
    Math.min(before, Number.MAX_SAFE_INTEGER),
    limit + 1, // one more row shows that another page exists
    endpoint ?? null,
  ]);
  const page = rows.slice(0, limit);
  return {
    entries: page.map(toEntry),
    cursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null,
  };
}
