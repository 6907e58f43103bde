import type { Entry } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { EVENT_INPUT, toInput } from './add.ts';
import { parseNumber, type TextRow } from './row.ts';
import { toErrorGroup, toText, toTextOrNull } from './text.ts';

/** Ids grow in the order of the input. Of two entries with one key, the first is restored. */
const RESTORE = `
WITH input AS MATERIALIZED (
  SELECT DISTINCT ON ("taskId", endpoint) *,
         -- Nothing may be lost: of two tasks with one token, the second is kept without it.
         "tokenId" LIKE 'once:%' AND (
           row_number() OVER (PARTITION BY "tokenId" ORDER BY n) > 1
           OR EXISTS (
             SELECT FROM novita_webhooks.events
             WHERE token_id = ANY (ARRAY["tokenId"]) AND token_id >= 'once:' AND token_id < 'once;'
           )
         ) AS "isTokenTaken"
  FROM json_to_recordset($1::text::json) AS input (
    n integer, ${EVENT_INPUT},
    "originalBody" text, state text, "dueAt" float8, "finishedAt" float8, attempts integer,
    replays integer, "succeededHandlers" json, reason text, "errorGroup" text,
    "partialReplay" text, "attemptLog" text
  )
  ORDER BY "taskId", endpoint, n
), inserted AS (
  INSERT INTO novita_webhooks.events (
    received_at, test_mode, endpoint, task_id, status, task_type, source, metadata, schema_error,
    traceparent, token_id, body, original_body
  )
  SELECT to_timestamp("receivedAt" / 1000), "testMode", endpoint, "taskId", status, "taskType",
         source, metadata, "schemaError", traceparent,
         CASE WHEN "isTokenTaken" THEN NULL ELSE "tokenId" END, body, "originalBody"
  FROM input ORDER BY n
  ON CONFLICT (task_id, endpoint) DO NOTHING
  RETURNING id, endpoint, task_id
), restored AS MATERIALIZED (
  SELECT inserted.id, input.*,
         ARRAY(SELECT json_array_elements_text("succeededHandlers")) AS succeeded_handlers
  FROM inserted
  JOIN input ON input."taskId" = inserted.task_id AND input.endpoint = inserted.endpoint
), finished AS (
  INSERT INTO novita_webhooks.finished_entries (
    id, finished_at, attempts, replays, state, succeeded_handlers, reason, error_group,
    partial_replay, attempt_log
  )
  SELECT id, coalesce(to_timestamp("finishedAt" / 1000), clock_timestamp()), attempts, replays,
         state, succeeded_handlers, reason, "errorGroup", "partialReplay", "attemptLog"
  FROM restored WHERE state IN ('done', 'dead')
), pending AS (
  INSERT INTO novita_webhooks.pending_entries (
    id, due_at, attempts, replays, endpoint, succeeded_handlers, reason, error_group,
    partial_replay, attempt_log
  )
  SELECT id, coalesce(to_timestamp("dueAt" / 1000), clock_timestamp()), attempts, replays,
         endpoint, succeeded_handlers, reason, "errorGroup", "partialReplay", "attemptLog"
  FROM restored WHERE state NOT IN ('done', 'dead')
)
SELECT count(*)::text AS restored FROM restored`;

/**
 * Adds entries with their state, unless their key exists. A running entry becomes pending.
 *
 * @returns how many were added
 */
export async function restoreEntries(query: Query, entries: readonly Entry[]): Promise<number> {
  let restored = 0;
  for (const batch of toBatches(entries)) {
    const input = batch.map((entry, n) => ({ n, ...toInput(entry), ...toStateInput(entry) }));
    const [row] = await query<TextRow<'restored'>>(RESTORE, [JSON.stringify(input)]);
    restored += parseNumber(row?.restored ?? '0');
  }
  return restored;
}

/** More in one statement would take longer than its timeout. */
const MAX_BATCH_CHARACTERS = 4 * 1024 * 1024;

function* toBatches(entries: readonly Entry[]): Generator<readonly Entry[]> {
  let batch: Entry[] = [];
  let size = 0;
  for (const entry of entries) {
    if (size > MAX_BATCH_CHARACTERS) {
      yield batch;
      [batch, size] = [[], 0];
    }
    batch.push(entry);
    size += entry.body.length + (entry.originalBody?.length ?? 0);
  }
  if (batch.length > 0) yield batch;
}

function toStateInput(entry: Entry): Record<string, unknown> {
  const { state, attempts, replays, finishedAt, partialReplay, attemptLog } = entry;
  return {
    ...{ state, attempts, replays, finishedAt },
    originalBody: toTextOrNull(entry.originalBody),
    dueAt: state === 'running' ? null : entry.dueAt, // the end of a lease is not a due time
    succeededHandlers: entry.succeededHandlers.map(toText),
    reason: toTextOrNull(entry.reason),
    errorGroup: toErrorGroup(toTextOrNull(entry.reason)),
    partialReplay: partialReplay === null ? null : JSON.stringify(partialReplay),
    attemptLog: JSON.stringify(attemptLog),
  };
}
