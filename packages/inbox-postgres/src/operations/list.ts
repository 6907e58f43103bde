import {
  resolveEntryQuery,
  type EntryPage,
  type EntryQuery,
  type EntryState,
} from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import {
  ANY_COLUMNS,
  EVENT_COLUMNS,
  SETTLED_COLUMNS,
  toEntry,
  WORK_COLUMNS,
  type Row,
} from './row.ts';

const inEvents = (id: string, condition: string) => `
SELECT ${EVENT_COLUMNS}, ${ANY_COLUMNS}
FROM novita_webhooks.events
LEFT JOIN novita_webhooks.pending_entries ON pending_entries.id = events.id
LEFT JOIN novita_webhooks.finished_entries ON finished_entries.id = events.id
WHERE ${id} < $1::bigint AND ${condition}
ORDER BY ${id} DESC LIMIT $2::integer`;
const ANY = inEvents('events.id', '$3::text IS NULL');
/** As the index of endpoints has the id: see migrations/002-functions.ts. */
const ANY_OF_ENDPOINT = inEvents('events.id + 0', 'events.endpoint = $3::text');

const inWork = (condition: string) => `
SELECT ${EVENT_COLUMNS}, ${WORK_COLUMNS}
FROM novita_webhooks.pending_entries JOIN novita_webhooks.events ON events.id = pending_entries.id
WHERE pending_entries.id < $1::bigint AND ($3::text IS NULL OR pending_entries.endpoint = $3::text) AND ${condition}
ORDER BY pending_entries.id DESC LIMIT $2::integer`;

const inSettled = (state: 'done' | 'dead') => `
SELECT ${EVENT_COLUMNS}, ${SETTLED_COLUMNS}
FROM novita_webhooks.finished_entries JOIN novita_webhooks.events ON events.id = finished_entries.id
WHERE finished_entries.id < $1::bigint AND ($3::text IS NULL OR events.endpoint = $3::text)
  AND finished_entries.state = '${state}'
ORDER BY finished_entries.id DESC LIMIT $2::integer`;

const BY_STATE: Readonly<Record<EntryState, string>> = {
  pending: inWork('pending_entries.fencing_token IS NULL'),
  running: inWork('pending_entries.fencing_token IS NOT NULL'),
  done: inSettled('done'),
  dead: inSettled('dead'),
};

export async function list(ask: Query, query: EntryQuery | undefined): Promise<EntryPage> {
  const { endpoint, state, limit, before } = resolveEntryQuery(query);
  const any = endpoint === undefined ? ANY : ANY_OF_ENDPOINT;
  const rows = await ask<Row>(state === undefined ? any : BY_STATE[state], [
    Math.min(before, Number.MAX_SAFE_INTEGER),
    limit + 1, // one more, to see whether there is another page
    endpoint ?? null,
  ]);
  const page = rows.slice(0, limit);
  return {
    entries: page.map(toEntry),
    cursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null,
  };
}
