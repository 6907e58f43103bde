import type { InboxStats } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { parseNumber, type TextRow } from './row.ts';

/** The lag needs the oldest due entry of each endpoint: the recursion steps through the index. */
const STATS = `
WITH RECURSIVE endpoints (endpoint) AS (
  (SELECT endpoint FROM novita_webhooks.pending_entries ORDER BY endpoint LIMIT 1)
  UNION ALL
  SELECT (
    SELECT pending_entries.endpoint FROM novita_webhooks.pending_entries
    WHERE pending_entries.endpoint > endpoints.endpoint
    ORDER BY pending_entries.endpoint LIMIT 1
  )
  FROM endpoints WHERE endpoints.endpoint IS NOT NULL
), expectations AS ( -- without a result
  SELECT count(*) AS entries, count(fencing_token) AS running
  FROM novita_webhooks.events JOIN novita_webhooks.pending_entries USING (id)
  WHERE source = 'expectation' AND schema_error IS NOT NULL
)
SELECT
  (SELECT coalesce(sum(pending), 0)::text FROM novita_webhooks.counts) AS unfinished,
  (SELECT coalesce(sum(done), 0)::text FROM novita_webhooks.counts) AS done,
  (SELECT coalesce(sum(dead), 0)::text FROM novita_webhooks.counts) AS dead,
  (
    SELECT count(*)::text FROM novita_webhooks.pending_entries WHERE fencing_token IS NOT NULL
  ) AS running,
  (SELECT entries::text FROM expectations) AS expected,
  (SELECT running::text FROM expectations) AS expected_running,
  (
    SELECT round(
      (extract(epoch FROM clock_timestamp() - min(oldest.due_at)) * 1000)::numeric, 3
    )::text
    FROM endpoints CROSS JOIN LATERAL (
      SELECT pending_entries.due_at FROM novita_webhooks.pending_entries
      WHERE pending_entries.endpoint = endpoints.endpoint
      ORDER BY pending_entries.due_at LIMIT 1
    ) AS oldest
  ) AS lag_ms`;

type Row = TextRow<
  'unfinished' | 'done' | 'dead' | 'running' | 'expected' | 'expected_running',
  'lag_ms'
>;

/** Counts entries by state, and measures the lag. */
export async function stats(query: Query): Promise<InboxStats> {
  const [row] = await query<Row>(STATS);
  const toNumber = (column: keyof Row) => parseNumber(row?.[column] ?? '0');
  const [expected, expectedRunning] = [toNumber('expected'), toNumber('expected_running')];
  const running = toNumber('running') - expectedRunning;
  return {
    expected,
    pending: toNumber('unfinished') - running - expected,
    running,
    done: toNumber('done'),
    dead: toNumber('dead'),
    lagMs: Math.max(0, toNumber('lag_ms')),
  };
}
