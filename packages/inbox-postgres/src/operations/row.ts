import type { Entry, EntryState, JsonObject } from '@novita-webhooks/core';

/** An entry as the queries return it. `id` is text, since a bigint may exceed a JavaScript number. */
export interface Row {
  readonly id: string;
  readonly endpoint: string;
  readonly task_id: string;
  readonly status: string;
  readonly body: string;
  readonly schema_error: string | null;
  readonly metadata: string;
  readonly test_mode: boolean;
  readonly received_at: number;
  readonly state: EntryState;
  readonly attempts: number;
  readonly succeeded_handlers: string;
  readonly reason: string | null;
  readonly due_at: number | null;
  readonly finished_at: number | null;
}

/** The payload, from `events`. */
export const EVENT_COLUMNS = `
  events.id::text AS id, events.endpoint, events.task_id, events.status, events.body,
  events.schema_error, events.metadata, events.test_mode,
  round(extract(epoch FROM events.received_at) * 1000)::float8 AS received_at`;

/** The state, from `pending_entries`. */
export const PENDING_COLUMNS = `
  CASE WHEN pending_entries.fencing_token IS NULL THEN 'pending' ELSE 'running' END AS state,
  pending_entries.attempts,
  to_json(pending_entries.succeeded_handlers)::text AS succeeded_handlers,
  pending_entries.reason,
  round(extract(epoch FROM pending_entries.due_at) * 1000)::float8 AS due_at,
  NULL::float8 AS finished_at`;

/** The state, from `finished_entries`. */
export const FINISHED_COLUMNS = `
  finished_entries.state,
  finished_entries.attempts,
  to_json(finished_entries.succeeded_handlers)::text AS succeeded_handlers,
  finished_entries.reason,
  NULL::float8 AS due_at,
  round(extract(epoch FROM finished_entries.finished_at) * 1000)::float8 AS finished_at`;

/** The state, where `pending_entries` and `finished_entries` are both joined. */
export const STATE_COLUMNS = `
  CASE WHEN finished_entries.id IS NOT NULL THEN finished_entries.state
       WHEN pending_entries.fencing_token IS NULL THEN 'pending' ELSE 'running' END AS state,
  coalesce(finished_entries.attempts, pending_entries.attempts) AS attempts,
  to_json(coalesce(
    finished_entries.succeeded_handlers, pending_entries.succeeded_handlers
  ))::text AS succeeded_handlers,
  CASE WHEN finished_entries.id IS NOT NULL THEN finished_entries.reason
       ELSE pending_entries.reason END AS reason,
  round(extract(epoch FROM pending_entries.due_at) * 1000)::float8 AS due_at,
  round(extract(epoch FROM finished_entries.finished_at) * 1000)::float8 AS finished_at`;

/** Each event with its state: the FROM clause for `STATE_COLUMNS`. */
export const EVENTS_WITH_STATE = `
  novita_webhooks.events
  LEFT JOIN novita_webhooks.pending_entries ON pending_entries.id = events.id
  LEFT JOIN novita_webhooks.finished_entries ON finished_entries.id = events.id`;

export function toEntry(row: Row): Entry {
  return {
    endpoint: row.endpoint,
    taskId: row.task_id,
    status: row.status,
    body: row.body,
    schemaError: row.schema_error,
    metadata: JSON.parse(row.metadata) as JsonObject,
    testMode: row.test_mode,
    receivedAt: row.received_at,
    state: row.state,
    attempts: row.attempts,
    succeededHandlers: JSON.parse(row.succeeded_handlers) as string[],
    reason: row.reason,
    dueAt: row.due_at,
    finishedAt: row.finished_at,
  };
}
