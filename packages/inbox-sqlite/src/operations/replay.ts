import type { EntryKey } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';

/** Runs all handlers of a done entry again; of a dead entry only those that have not succeeded. */
const REPLAY = `
UPDATE novita_entries
SET state = 'pending', replays = replays + 1, attempts = 0, reason = NULL, due_at = :now, finished_at = NULL,
    succeeded_handlers = CASE state WHEN 'done' THEN '[]' ELSE succeeded_handlers END
WHERE task_id = :taskId AND endpoint = :endpoint AND state IN ('done', 'dead')`;

export function replay(
  connection: Connection,
  { endpoint, taskId }: EntryKey,
  now: number,
): boolean {
  return connection.run(REPLAY, { endpoint, taskId, now }) > 0;
}
