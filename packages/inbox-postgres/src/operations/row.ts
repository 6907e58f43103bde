// Every query casts every column to text, and this file parses them. So no type parser that the
// application has set for its pool or for the driver changes a result.
import { parseStoredEntry, type Entry, type EntryState } from '@novita-webhooks/core';

/** The columns of a row, all cast to text in SQL. */
export type TextRow<Column extends string, Nullable extends string = never> = Readonly<
  Record<Column, string> & Record<Nullable, string | null>
>;

/** @param text an integer, a decimal number or a boolean of PostgreSQL, cast to text */
export const parseNumber = (text: string): number => Number(text);
export const parseBoolean = (text: string): boolean => text === 'true';
const parseNumberOrNull = (text: string | null): number | null =>
  text === null ? null : parseNumber(text);

/** An entry as the queries return it. */
export type Row = TextRow<
  | 'id'
  | 'endpoint'
  | 'task_id'
  | 'status'
  | 'body'
  | 'metadata'
  | 'test_mode'
  | 'received_at'
  | 'state'
  | 'attempts'
  | 'succeeded_handlers',
  'schema_error' | 'reason' | 'due_at' | 'finished_at'
>;

/** As a float, which also holds the time `infinity`. */
const toMilliseconds = (timestamp: string): string =>
  `round(extract(epoch FROM ${timestamp}) * 1000)::float8::text`;

/** The payload, from `events`. */
export const EVENT_COLUMNS: string = `
  events.id::text AS id, events.endpoint, events.task_id, events.status, events.body,
  events.schema_error, events.metadata, events.test_mode::text AS test_mode,
  ${toMilliseconds('events.received_at')} AS received_at`;

/** The state, from `pending_entries`. */
export const PENDING_COLUMNS: string = `
  CASE WHEN pending_entries.fencing_token IS NULL THEN 'pending'::text ELSE 'running' END AS state,
  pending_entries.attempts::text AS attempts,
  to_json(pending_entries.succeeded_handlers)::text AS succeeded_handlers,
  pending_entries.reason,
  ${toMilliseconds('pending_entries.due_at')} AS due_at,
  NULL::text AS finished_at`;

/** The state, from `finished_entries`. */
export const FINISHED_COLUMNS: string = `
  finished_entries.state,
  finished_entries.attempts::text AS attempts,
  to_json(finished_entries.succeeded_handlers)::text AS succeeded_handlers,
  finished_entries.reason,
  NULL::text AS due_at,
  ${toMilliseconds('finished_entries.finished_at')} AS finished_at`;

/** The state, where `pending_entries` and `finished_entries` are both joined. */
export const STATE_COLUMNS: string = `
  CASE WHEN finished_entries.id IS NOT NULL THEN finished_entries.state
       WHEN pending_entries.fencing_token IS NULL THEN 'pending' ELSE 'running' END AS state,
  coalesce(finished_entries.attempts, pending_entries.attempts)::text AS attempts,
  to_json(coalesce(
    finished_entries.succeeded_handlers, pending_entries.succeeded_handlers
  ))::text AS succeeded_handlers,
  CASE WHEN finished_entries.id IS NOT NULL THEN finished_entries.reason
       ELSE pending_entries.reason END AS reason,
  ${toMilliseconds('pending_entries.due_at')} AS due_at,
  ${toMilliseconds('finished_entries.finished_at')} AS finished_at`;

/** The columns that the function `claim` returns, and the state of a claimed entry. */
export const CLAIMED_COLUMNS = `
  id, endpoint, task_id, status, body, schema_error, metadata, test_mode::text AS test_mode,
  received_at::text AS received_at, 'running'::text AS state, attempts::text AS attempts,
  succeeded_handlers, reason, due_at::text AS due_at, NULL::text AS finished_at`;

/** Each event with its state: the FROM clause for `STATE_COLUMNS`. */
export const EVENTS_WITH_STATE = `
  novita_webhooks.events
  LEFT JOIN novita_webhooks.pending_entries ON pending_entries.id = events.id
  LEFT JOIN novita_webhooks.finished_entries ON finished_entries.id = events.id`;

export function toEntry(row: Row): Entry {
  return parseStoredEntry({
    endpoint: row.endpoint,
    taskId: row.task_id,
    status: row.status,
    body: row.body,
    schemaError: row.schema_error,
    metadata: row.metadata,
    testMode: parseBoolean(row.test_mode),
    receivedAt: parseNumber(row.received_at),
    state: row.state as EntryState,
    attempts: parseNumber(row.attempts),
    succeededHandlers: row.succeeded_handlers,
    reason: row.reason,
    dueAt: parseNumberOrNull(row.due_at),
    finishedAt: parseNumberOrNull(row.finished_at),
  });
}
