import type { EntryTarget, StoreReplayOptions } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import { toTargets, UNCHANGED_TARGETS } from './targets.ts';

/**
 * Runs all handlers of a done entry again; of a dead entry only those that have not succeeded. With
 * `:handlers`, those run and no other.
 */
const REPLAY = `
UPDATE novita_entries
SET state = 'pending', replays = replays + 1, attempts = 0, reason = NULL, error_group = NULL,
    due_at = :now, finished_at = NULL,
    succeeded_handlers = CASE WHEN state = 'dead' AND json_valid(succeeded_handlers) THEN (
      SELECT json_group_array(value) FROM json_each(novita_entries.succeeded_handlers)
      WHERE value NOT IN (SELECT value FROM json_each(coalesce(:handlers, '[]')))
    ) ELSE '[]' END,
    partial_replay = CASE WHEN :handlers IS NOT NULL THEN json_object(
      'handlers', json(:handlers), 'deadReason', CASE state WHEN 'dead' THEN coalesce(reason, '') END
    ) END
WHERE state IN ('done', 'dead') AND id IN (${UNCHANGED_TARGETS})`;

const REPLACE_BODY = `
UPDATE novita_events
SET original_body = coalesce(original_body, body), body = :body, status = :status,
    task_type = :taskType, schema_error = NULL
WHERE id IN (SELECT id FROM novita_entries WHERE task_id = :taskId AND endpoint = :endpoint)`;

/** @returns how many entries were replayed */
export function replayEntries(
  connection: Connection,
  targets: readonly EntryTarget[],
  { handlers, body }: StoreReplayOptions,
  now: number,
): number {
  const named = handlers === undefined ? null : JSON.stringify(handlers);
  const params = { targets: toTargets(targets), handlers: named, now };
  const replayed = connection.run(REPLAY, params);
  const [target] = targets;
  if (replayed === 1 && body !== undefined && target !== undefined) {
    const { endpoint, taskId } = target;
    connection.run(REPLACE_BODY, { endpoint, taskId, ...body });
  }
  return replayed;
}
