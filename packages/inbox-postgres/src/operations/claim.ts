import type { Claim } from '@novita-webhooks/core';

import type { Database } from '../database.ts';
import { toFence } from './fence.ts';
import { EVENT_COLUMNS, toEntry, WORK_COLUMNS, type Row } from './row.ts';
import { toDelay } from './text.ts';

/**
 * Waiting and due, or running under a lease that has ended; what others are just taking is skipped.
 * The time is a subquery, so that it is one for all rows and the index can be entered by it.
 */
const CLAIM = `
WITH due AS MATERIALIZED (
  SELECT id, due_at FROM novita_webhooks.work
  WHERE endpoint = $1::text AND due_at <= (SELECT clock_timestamp())
  ORDER BY due_at, id LIMIT $2::integer
  FOR UPDATE SKIP LOCKED
), work AS (
  UPDATE novita_webhooks.work
  SET fence = $4::text, attempts = work.attempts + 1,
      due_at = clock_timestamp() + $3::float8 * interval '1 millisecond'
  FROM due WHERE work.id = due.id
  RETURNING work.*, due.due_at AS was_due_at
)
SELECT ${EVENT_COLUMNS}, ${WORK_COLUMNS}
FROM work JOIN novita_webhooks.events ON events.id = work.id
ORDER BY work.was_due_at, work.id`;

/**
 * Committed when the answer has been read: what nobody hears of is not leased, and spends no attempt.
 *
 * @param leaseMs in milliseconds
 */
export async function claim(
  database: Database,
  endpoint: string,
  limit: number,
  leaseMs: number,
): Promise<Claim[]> {
  const fence = crypto.randomUUID(); // one for all that are claimed together: each is valid with its id only
  const values = [endpoint, limit, toDelay(leaseMs), fence];
  const rows = await database.transaction((query) => query<Row>(CLAIM, values));
  return rows.map((row) => ({ ...toEntry(row), fence: toFence(row.id, fence) }));
}
