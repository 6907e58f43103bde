import { parseStoredEntry, type Entry, type EntryState } from '@novita-webhooks/core';

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
}

/** Larger times do not fit into a number of JavaScript, and a driver throws when it reads them. */
const MAX_TIME = Number.MAX_SAFE_INTEGER;

export const SELECT_ENTRY: string = `
SELECT id, endpoint, task_id, state, attempts, succeeded_handlers, reason,
       min(due_at, ${MAX_TIME}) AS due_at, min(finished_at, ${MAX_TIME}) AS finished_at,
       is_overdue, replays, status, body, schema_error, metadata, test_mode,
       min(received_at, ${MAX_TIME}) AS received_at
FROM novita_entries JOIN novita_events USING (id)`;

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
  });
}
