// Every query casts every column to text, and this file parses them. So no type parser that the
// application has set for its pool or for the driver changes a result.
import {
  parseStoredEntry,
  type Entry,
  type EntrySource,
  type EntryState,
} from '@novita-webhooks/core';

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
  | 'received_at'
  | 'test_mode'
  | 'endpoint'
  | 'task_id'
  | 'status'
  | 'task_type'
  | 'source'
  | 'metadata'
  | 'body'
  | 'state'
  | 'attempts'
  | 'replays'
  | 'succeeded_handlers',
  | 'schema_error'
  | 'traceparent'
  | 'token_id'
  | 'original_body'
  | 'due_at'
  | 'finished_at'
  | 'reason'
  | 'partial_replay'
  | 'attempt_log'
>;

/** SQL for the milliseconds of a time, as a float: it also holds the time `infinity`. */
export const toMilliseconds = (time: string): string =>
  `round(extract(epoch FROM ${time}) * 1000)::float8`;

/**
 * SQL for the milliseconds of a time, as text. Never the text of a float: the application's
 * `extra_float_digits` may round it.
 */
export const millisecondsText = (time: string): string =>
  `CASE WHEN NOT isfinite(${time}) THEN 'Infinity' ELSE (${toMilliseconds(time)})::bigint::text END`;

/** SQL that joins the state of an event, which is in one of two tables. For `OFFSET 0` see list.ts. */
export const JOIN_STATE = `
CROSS JOIN LATERAL (
  SELECT CASE WHEN fencing_token IS NULL THEN 'pending'::text ELSE 'running' END AS state,
         due_at, NULL::timestamptz AS finished_at, attempts, replays, succeeded_handlers, reason,
         error_group, partial_replay, attempt_log
  FROM novita_webhooks.pending_entries WHERE pending_entries.id = events.id
  UNION ALL
  SELECT state, NULL, finished_at, attempts, replays, succeeded_handlers, reason,
         error_group, partial_replay, attempt_log
  FROM novita_webhooks.finished_entries WHERE finished_entries.id = events.id
  OFFSET 0
) AS states`;

const WITH_BODY = 'events.body, events.original_body';
const WITHOUT_BODY = "''::text AS body, NULL::text AS original_body";

/** @param bodies without them, PostgreSQL does not read large bodies */
export const entryColumns = ({ bodies }: { readonly bodies: boolean }): string => `
  events.id::text AS id, ${millisecondsText('events.received_at')} AS received_at,
  events.test_mode::text AS test_mode, events.endpoint, events.task_id, events.status,
  events.task_type, events.source, events.metadata, events.schema_error, events.traceparent,
  events.token_id, ${bodies ? WITH_BODY : WITHOUT_BODY},
  states.state, ${millisecondsText('states.due_at')} AS due_at,
  ${millisecondsText('states.finished_at')} AS finished_at, states.attempts::text AS attempts,
  states.replays::text AS replays, to_json(states.succeeded_handlers)::text AS succeeded_handlers,
  states.reason, states.partial_replay, states.attempt_log`;

/** The columns that the function `claim` returns, and the state of a claimed entry. */
export const CLAIMED_COLUMNS = `
  id, endpoint, task_id, status, task_type, body, original_body, schema_error, metadata,
  test_mode::text AS test_mode, received_at, source, traceparent, token_id,
  'running'::text AS state, attempts::text AS attempts, succeeded_handlers, reason,
  due_at, NULL::text AS finished_at, replays::text AS replays, partial_replay,
  attempt_log`;

export function toEntry(row: Row): Entry {
  return parseStoredEntry({
    endpoint: row.endpoint,
    taskId: row.task_id,
    status: row.status,
    taskType: row.task_type,
    body: row.body,
    originalBody: row.original_body,
    schemaError: row.schema_error,
    metadata: row.metadata,
    testMode: parseBoolean(row.test_mode),
    receivedAt: parseNumber(row.received_at),
    source: row.source as EntrySource,
    traceparent: row.traceparent,
    tokenId: row.token_id,
    state: row.state as EntryState,
    attempts: parseNumber(row.attempts),
    succeededHandlers: row.succeeded_handlers,
    reason: row.reason,
    dueAt: parseNumberOrNull(row.due_at),
    finishedAt: parseNumberOrNull(row.finished_at),
    replays: parseNumber(row.replays),
    partialReplay: row.partial_replay,
    attemptLog: row.attempt_log ?? '[]',
  });
}
