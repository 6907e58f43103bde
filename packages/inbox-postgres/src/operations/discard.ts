import type { EntryKey } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';

import { outside } from '../client/transaction-guard.ts';

const DISCARD = `
WITH known AS MATERIALIZED (
  SELECT id FROM novita_webhooks.events WHERE task_id = ${outside('$1')} AND endpoint = $2::text
), waiting AS (
  DELETE FROM novita_webhooks.pending_entries USING known
  WHERE pending_entries.id = known.id AND pending_entries.fencing_token IS NULL RETURNING pending_entries.id
), over AS (
  DELETE FROM novita_webhooks.finished_entries USING known WHERE finished_entries.id = known.id RETURNING finished_entries.id
)
DELETE FROM novita_webhooks.events
WHERE id IN (SELECT id FROM waiting UNION ALL SELECT id FROM over) RETURNING id`;

export async function discard(query: Query, { endpoint, taskId }: EntryKey): Promise<boolean> {
  return (await query(DISCARD, [taskId, endpoint])).length > 0;
}
