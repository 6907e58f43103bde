import type { EntryKey } from '@novita-webhooks/core';

import type { Query } from '../database.ts';

import { outside } from './guard.ts';

/** After `done` everything runs again, after `dead` only what had not succeeded. */
const REPLAY = `
WITH again AS (
  DELETE FROM novita_webhooks.settled USING novita_webhooks.events
  WHERE events.task_id = ${outside('$1')} AND events.endpoint = $2::text AND settled.id = events.id
  RETURNING settled.id, events.endpoint, settled.state, settled.handled
)
INSERT INTO novita_webhooks.work (id, endpoint, due_at, handled)
SELECT id, endpoint, clock_timestamp(), CASE state WHEN 'done' THEN '{}' ELSE handled END
FROM again RETURNING id`;

export async function replay(query: Query, { endpoint, taskId }: EntryKey): Promise<boolean> {
  return (await query(REPLAY, [taskId, endpoint])).length > 0;
}
