import type { Retention } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { toDelay } from './text.ts';

/**
 * SKIP LOCKED lets several processes delete different entries. Each batch starts at the time where the
 * previous one ended, since deleted rows stay in the index until a vacuum. The ids are arrays: the
 * planner expects them to be short, and reads no whole table as it may for a join.
 */
const DELETE_EXPIRED = `
WITH expired AS MATERIALIZED (
  SELECT id, finished_at FROM novita_webhooks.finished_entries
  WHERE state = $1::text
    AND finished_at <= (SELECT clock_timestamp()) - $2::float8 * interval '1 millisecond'
    AND finished_at >= to_timestamp($4::float8)
  ORDER BY finished_at LIMIT $3::integer
  FOR UPDATE SKIP LOCKED
), deleted_entries AS (
  DELETE FROM novita_webhooks.finished_entries WHERE id = ANY (ARRAY(SELECT id FROM expired))
  RETURNING id
), deleted_events AS (
  DELETE FROM novita_webhooks.events WHERE id = ANY (ARRAY(SELECT id FROM deleted_entries))
  RETURNING id
)
SELECT (SELECT count(*) FROM deleted_events)::integer AS deleted,
       (SELECT extract(epoch FROM max(finished_at)) - 0.001 FROM expired)::float8 AS next`;

/** More entries in one statement would delay other writes. */
const MAX_BATCH_ENTRIES = 500;

/**
 * Deletes the entries whose retention has passed, batch by batch.
 *
 * @param isClosing whether to stop after the current batch
 */
export async function deleteExpired(
  query: Query,
  { doneMs, deadMs }: Retention,
  isClosing: () => boolean,
): Promise<number> {
  const done = await deleteExpiredIn('done', doneMs, query, isClosing);
  return done + (await deleteExpiredIn('dead', deadMs, query, isClosing));
}

async function deleteExpiredIn(
  state: 'done' | 'dead',
  ageMs: number,
  query: Query,
  isClosing: () => boolean,
): Promise<number> {
  let total = 0;
  let from = 0;
  for (;;) {
    const values = [state, toDelay(ageMs), MAX_BATCH_ENTRIES, from];
    const [row] = await query<{ deleted: number; next: number | null }>(DELETE_EXPIRED, values);
    const deleted = row?.deleted ?? 0;
    total += deleted;
    if (deleted < MAX_BATCH_ENTRIES || isClosing()) return total;
    from = row?.next ?? 0;
  }
}
