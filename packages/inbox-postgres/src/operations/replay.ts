import type { EntryKey } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';

const REPLAY = `
WITH replayed AS (
  DELETE FROM novita_webhooks.finished_entries USING novita_webhooks.events
  WHERE events.task_id = $1::text AND events.endpoint = $2::text
    AND finished_entries.id = events.id
  RETURNING finished_entries.id, events.endpoint, finished_entries.state,
            finished_entries.succeeded_handlers, finished_entries.replays
)
INSERT INTO novita_webhooks.pending_entries (id, endpoint, due_at, succeeded_handlers, replays)
SELECT id, endpoint, clock_timestamp(),
       CASE state WHEN 'done' THEN '{}' ELSE succeeded_handlers END, replays + 1
FROM replayed
RETURNING id::text AS id`;

/**
 * Makes a finished entry pending. After `done` every handler runs again, after `dead` only those that
 * have not succeeded.
 */
export async function replay(query: Query, { endpoint, taskId }: EntryKey): Promise<boolean> {
  return (await query(REPLAY, [taskId, endpoint])).length > 0;
}
