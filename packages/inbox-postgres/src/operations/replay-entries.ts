import type { EntryTarget, StoreReplayOptions } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { parseNumber, type TextRow } from './row.ts';
import { IS_FINISHED_TARGET, TARGETS, toInput } from './targets.ts';
import { toText } from './text.ts';

/** `$2` names handlers, `$3` is a corrected body: JSON, or NULL without them. */
const REPLAY = `
WITH ${TARGETS}, replayed AS (
  DELETE FROM novita_webhooks.finished_entries USING targets
  WHERE ${IS_FINISHED_TARGET}
  RETURNING finished_entries.*, targets.endpoint
), corrected AS (
  UPDATE novita_webhooks.events
  SET body = input.body, status = input.status, task_type = input."taskType", schema_error = NULL,
      original_body = coalesce(events.original_body, events.body)
  FROM replayed, json_to_record($3::text::json) AS input (body text, status text, "taskType" text)
  WHERE events.id = ANY (ARRAY[replayed.id]) AND $3::text IS NOT NULL
), pending AS (
  INSERT INTO novita_webhooks.pending_entries (
    id, due_at, replays, endpoint, succeeded_handlers, partial_replay, attempt_log
  )
  SELECT id, clock_timestamp(), replays + 1, endpoint,
         CASE state WHEN 'dead' THEN ARRAY(
           SELECT unnest(succeeded_handlers) EXCEPT SELECT json_array_elements_text($2::text::json)
         ) ELSE '{}' END,
         CASE WHEN $2::text IS NOT NULL THEN json_build_object(
           'handlers', $2::text::json,
           'deadReason', CASE state WHEN 'dead' THEN coalesce(reason, '') END
         )::text END,
         attempt_log
  FROM replayed
)
SELECT count(*)::text AS replayed FROM replayed`;

/**
 * Makes finished entries pending. After `done` every handler runs again, after `dead` only those that
 * have not succeeded, or that are named.
 *
 * @returns how many were replayed
 */
export async function replayEntries(
  query: Query,
  targets: readonly EntryTarget[],
  { handlers, body }: StoreReplayOptions = {},
): Promise<number> {
  const values = [
    toInput(targets),
    handlers === undefined ? null : JSON.stringify(handlers.map(toText)),
    body === undefined ? null : JSON.stringify({ ...body, body: toText(body.body) }),
  ];
  const [row] = await query<TextRow<'replayed'>>(REPLAY, values);
  return parseNumber(row?.replayed ?? '0');
}
