import type { NewEntry } from '@novita-webhooks/core';

import type { Query } from '../database.ts';
import { outside } from './guard.ts';
import { toText } from './text.ts';

/**
 * Sorted, so that two of these that have keys in common wait for each other in one order only.
 *
 * A duplicate is answered like what was added, and has to be as safe. It was committed by somebody
 * else, whose wait for a synchronous standby may have been broken off: then it is here, and not
 * there. The message has this commit wait as well, and nobody reads it.
 */
const ADD = `
WITH input AS MATERIALIZED (
  SELECT * FROM json_to_recordset((${outside('$1')})::json) AS input (
    n integer, endpoint text, "taskId" text, status text, body text, drift text, metadata text,
    "testMode" boolean, "receivedAt" float8
  )
), arrived AS (
  INSERT INTO novita_webhooks.events
    (endpoint, task_id, status, body, drift, metadata, test_mode, received_at)
  SELECT endpoint, "taskId", status, body, drift, metadata, "testMode",
         to_timestamp("receivedAt" / 1000)
  FROM input ORDER BY "taskId" COLLATE "C", endpoint COLLATE "C"
  ON CONFLICT (task_id, endpoint) DO NOTHING
  RETURNING id, endpoint, task_id
), begun AS (
  INSERT INTO novita_webhooks.work (id, endpoint, due_at)
  SELECT id, endpoint, clock_timestamp() FROM arrived
), known AS MATERIALIZED (
  SELECT n, endpoint, "taskId" FROM input
  WHERE NOT EXISTS (
    SELECT FROM arrived WHERE arrived.task_id = "taskId" AND arrived.endpoint = input.endpoint
  )
), confirmed AS MATERIALIZED (
  SELECT pg_logical_emit_message(true, 'novita_webhooks', '') FROM (SELECT FROM known LIMIT 1) AS one
)
SELECT known.n, events.id IS NOT NULL AND events.drift IS NULL AS fits
FROM known
LEFT JOIN novita_webhooks.events ON events.task_id = known."taskId" AND events.endpoint = known.endpoint
WHERE (SELECT count(*) FROM confirmed) = 1`;

/** `unsure`: there is one already, and it may have drifted. */
export type Added = 'added' | 'duplicate' | 'unsure';

/** @param entries no two of them with the same key */
export async function add(query: Query, entries: readonly NewEntry[]): Promise<Added[]> {
  const rows = await query<{ n: number; fits: boolean }>(ADD, [toInput(entries)]);
  const known = new Map(rows.map(({ n, fits }) => [n, fits]));
  return entries.map(({ drift }, n) => {
    const fits = known.get(n);
    if (fits === undefined) return 'added';
    return fits || drift !== null ? 'duplicate' : 'unsure';
  });
}

export function toInput(entries: readonly NewEntry[]): string {
  return JSON.stringify(
    entries.map((entry, n) => ({
      n,
      endpoint: entry.endpoint,
      taskId: entry.taskId,
      status: toText(entry.status),
      body: toText(entry.body),
      drift: entry.drift === null ? null : toText(entry.drift),
      metadata: JSON.stringify(entry.metadata),
      testMode: entry.testMode,
      receivedAt: entry.receivedAt,
    })),
  );
}
