import {
  resolveEntryQuery,
  type EntryPage,
  type EntryQuery,
  type EntryState,
} from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import { SELECT_ENTRY, toEntry, type Row } from './row.ts';

/**
 * Returns one SQL text per combination of filters. The partial index over states serves a query only
 * if the text itself says that the state is not `done`.
 */
const toSql = (endpoint: string | undefined, state: EntryState | undefined): string =>
  [
    SELECT_ENTRY,
    'WHERE id < :before',
    endpoint === undefined ? '' : 'AND endpoint = :endpoint',
    state === undefined ? '' : 'AND state = :state',
    state === undefined || state === 'done' ? '' : "AND state <> 'done'",
    'ORDER BY id DESC LIMIT :limit',
  ].join('\n');

export function list(connection: Connection, query: EntryQuery | undefined): EntryPage {
  const { endpoint, state, limit, before } = resolveEntryQuery(query);
  const rows = connection.all(toSql(endpoint, state), {
    before: Math.min(before, Number.MAX_SAFE_INTEGER),
    limit: limit + 1, // one more, which shows whether another page follows
    ...(endpoint !== undefined && { endpoint }),
    ...(state !== undefined && { state }),
  }) as Row[];
  const page = rows.slice(0, limit);
  return {
    entries: page.map(toEntry),
    cursor: rows.length > limit ? String(page.at(-1)?.id) : null,
  };
}
