import type { EntryKey } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { outsideTransaction } from '../client/transaction-guard.ts';

const DISCARD = `
WITH target AS MATERIALIZED (
  SELECT id FROM novita_webhooks.events
  WHERE task_id = ${outsideTransaction('$1')} AND endpoint = $2::text
), pending AS (
  DELETE FROM novita_webhooks.pending_entries USING target
  WHERE pending_entries.id = target.id AND pending_entries.fencing_token IS NULL
  RETURNING pending_entries.id
), finished AS (
  DELETE FROM novita_webhooks.finished_entries USING target
  WHERE finished_entries.id = target.id
  RETURNING finished_entries.id
)
DELETE FROM novita_webhooks.events
WHERE id IN (SELECT id FROM pending UNION ALL SELECT id FROM finished)
RETURNING id`;

/** Deletes an entry that is not running. */
export async function discard(query: Query, { endpoint, taskId }: EntryKey): Promise<boolean> {
  return (await query(DISCARD, [taskId, endpoint])).length > 0;
}
