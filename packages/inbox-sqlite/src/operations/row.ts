import {
  parseStoredEntry,
  type Entry,
  type EntrySource,
  type EntryState,
} from '@novita-webhooks/core';

/** A stored entry with its event. */
export interface Row {
  readonly id: number;
  readonly endpoint: string;
  readonly task_id: string;
  readonly state: EntryState;
  readonly attempts: number;
  readonly succeeded_handlers: string;
  readonly reason: string | null;
  readonly due_at: number | null;
  readonly is_overdue: number;
  readonly replays: number;
  readonly finished_at: number | null;
  readonly status: string;
  readonly body: string;
  readonly schema_error: string | null;
  readonly metadata: string;
  readonly test_mode: number;
  readonly received_at: number;
  readonly task_type: string;
  readonly source: EntrySource;
  readonly traceparent: string | null;
  readonly token_id: string | null;
  readonly original_body: string | null;
  readonly partial_replay: string | null;
  readonly attempt_log: string;
}

/** Larger times do not fit into a number of JavaScript, and a driver throws when it reads them. */
const MAX_TIME = Number.MAX_SAFE_INTEGER;

const COLUMNS = `
       id, endpoint, task_id, state, attempts, succeeded_handlers, reason,
       min(due_at, ${MAX_TIME}) AS due_at, min(finished_at, ${MAX_TIME}) AS finished_at,
       is_overdue, replays, partial_replay, attempt_log,
       status, task_type, schema_error, metadata, test_mode, source, traceparent, token_id,
       min(received_at, ${MAX_TIME}) AS received_at`;

const ENTRIES = 'novita_entries JOIN novita_events USING (id)';

/** @param bodies whether the bodies are read as well */
export const selectEntry = (from: string = ENTRIES, bodies = true): string => `
SELECT ${COLUMNS}, ${bodies ? 'body, original_body' : "'' AS body, NULL AS original_body"}
FROM ${from}`;

export function toEntry(row: Row): Entry {
  return parseStoredEntry({
    endpoint: row.endpoint,
    taskId: row.task_id,
    status: row.status,
    body: row.body,
    schemaError: row.schema_error,
    metadata: row.metadata,
    testMode: row.test_mode === 1,
    receivedAt: row.received_at,
    state: row.state,
    attempts: row.attempts,
    succeededHandlers: row.succeeded_handlers,
    reason: row.reason,
    dueAt: row.due_at,
    finishedAt: row.finished_at,
    taskType: row.task_type,
    source: row.source,
    traceparent: row.traceparent,
    tokenId: row.token_id,
    replays: row.replays,
    partialReplay: row.partial_replay,
    attemptLog: row.attempt_log,
    originalBody: row.original_body,
  });
}
