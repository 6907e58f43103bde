import type { Retention } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { toDelay } from './text.ts';

/**
 * Processes that purge at the same time take different ones. The next batch begins where this one
 * ended: what was just deleted is in the index until it is vacuumed, and not to be read again. By
 * arrays, since the planner takes them to be short: a join it may do by reading the whole table.
 */
const PURGE = `
WITH old AS MATERIALIZED (
  SELECT id, finished_at FROM novita_webhooks.finished_entries
  WHERE state = $1::text
    AND finished_at <= (SELECT clock_timestamp()) - $2::float8 * interval '1 millisecond'
    AND finished_at >= to_timestamp($4::float8)
  ORDER BY finished_at LIMIT $3::integer
  FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM novita_webhooks.finished_entries WHERE id = ANY (ARRAY(SELECT id FROM old)) RETURNING id
), forgotten AS (
  DELETE FROM novita_webhooks.events WHERE id = ANY (ARRAY(SELECT id FROM gone)) RETURNING id
)
SELECT (SELECT count(*) FROM forgotten)::integer AS deleted,
       (SELECT extract(epoch FROM max(finished_at)) - 0.001 FROM old)::float8 AS next`;

/** Few enough not to hold up what else is to be written. */
const PURGED_TOGETHER = 500;

/** @param isClosing whether to leave the rest to the next purge */
export async function purge(
  query: Query,
  { doneMs, deadMs }: Retention,
  isClosing: () => boolean,
): Promise<number> {
  const done = await purgeState(query, 'done', doneMs, isClosing);
  return done + (await purgeState(query, 'dead', deadMs, isClosing));
}

async function purgeState(
  query: Query,
  state: 'done' | 'dead',
  ageMs: number,
  isClosing: () => boolean,
): Promise<number> {
  let total = 0;
  let from = 0;
  for (;;) {
    const values = [state, toDelay(ageMs), PURGED_TOGETHER, from];
    const [row] = await query<{ deleted: number; next: number | null }>(PURGE, values);
    const purged = row?.deleted ?? 0;
    total += purged;
    if (purged < PURGED_TOGETHER || isClosing()) return total;
    from = row?.next ?? 0;
  }
}
