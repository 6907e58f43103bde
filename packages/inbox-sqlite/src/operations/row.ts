import type { Entry, EntryState, JsonObject } from '@novita-webhooks/core';

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

export const SELECT_ENTRY = `
SELECT id, endpoint, task_id, state, attempts, succeeded_handlers, reason, due_at, finished_at,
       is_overdue, replays, status, body, schema_error, metadata, test_mode, received_at
FROM novita_entries JOIN novita_events USING (id)`;

export function toEntry(row: Row): Entry {
  return {
    endpoint: row.endpoint,
    taskId: row.task_id,
    status: row.status,
    body: row.body,
    schemaError: row.schema_error,
    metadata: JSON.parse(row.metadata) as JsonObject,
    testMode: row.test_mode === 1,
    receivedAt: row.received_at,
    state: row.state,
    attempts: row.attempts,
    succeededHandlers: JSON.parse(row.succeeded_handlers) as string[],
    reason: row.reason,
    dueAt: row.due_at,
    finishedAt: row.finished_at,
  };
}
