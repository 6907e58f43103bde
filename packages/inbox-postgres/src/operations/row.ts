import type { Entry, EntryState, JsonObject } from '@novita-webhooks/core';

/** An entry as it is read. Large numbers come as text. */
export interface Row {
  readonly id: string;
  readonly endpoint: string;
  readonly task_id: string;
  readonly status: string;
  readonly body: string;
  readonly drift: string | null;
  readonly metadata: string;
  readonly test_mode: boolean;
  readonly received_at: number;
  readonly state: EntryState;
  readonly attempts: number;
  readonly handled: string;
  readonly reason: string | null;
  readonly due_at: number | null;
  readonly settled_at: number | null;
}

/** What came, out of `events`. */
export const EVENT_COLUMNS = `
  events.id::text AS id, events.endpoint, events.task_id, events.status, events.body, events.drift,
  events.metadata, events.test_mode,
  round(extract(epoch FROM events.received_at) * 1000)::float8 AS received_at`;

/** What becomes of it, out of `work`. */
export const WORK_COLUMNS = `
  CASE WHEN work.fence IS NULL THEN 'pending' ELSE 'running' END AS state,
  work.attempts, to_json(work.handled)::text AS handled, work.reason,
  round(extract(epoch FROM work.due_at) * 1000)::float8 AS due_at, NULL::float8 AS settled_at`;

/** What became of it, out of `settled`. */
export const SETTLED_COLUMNS = `
  settled.state, settled.attempts, to_json(settled.handled)::text AS handled, settled.reason,
  NULL::float8 AS due_at, round(extract(epoch FROM settled.settled_at) * 1000)::float8 AS settled_at`;

/** Either, where an event is joined to both. */
export const ANY_COLUMNS = `
  CASE WHEN settled.id IS NOT NULL THEN settled.state
       WHEN work.fence IS NULL THEN 'pending' ELSE 'running' END AS state,
  coalesce(settled.attempts, work.attempts) AS attempts,
  to_json(coalesce(settled.handled, work.handled))::text AS handled,
  CASE WHEN settled.id IS NOT NULL THEN settled.reason ELSE work.reason END AS reason,
  round(extract(epoch FROM work.due_at) * 1000)::float8 AS due_at,
  round(extract(epoch FROM settled.settled_at) * 1000)::float8 AS settled_at`;

export function toEntry(row: Row): Entry {
  return {
    endpoint: row.endpoint,
    taskId: row.task_id,
    status: row.status,
    body: row.body,
    drift: row.drift,
    metadata: JSON.parse(row.metadata) as JsonObject,
    testMode: row.test_mode,
    receivedAt: row.received_at,
    state: row.state,
    attempts: row.attempts,
    handled: JSON.parse(row.handled) as string[],
    reason: row.reason,
    dueAt: row.due_at,
    settledAt: row.settled_at,
  };
}
