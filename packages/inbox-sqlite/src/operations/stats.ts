import type { InboxStats } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';

/** Expectations that have no result yet, by state. */
const COUNT_EXPECTED = `
SELECT count(*) FILTER (WHERE state = 'pending') AS pending,
       count(*) FILTER (WHERE state = 'running') AS running
FROM novita_events INDEXED BY novita_events_expected CROSS JOIN novita_entries USING (id)
WHERE source = 'expectation' AND schema_error IS NOT NULL`;

/** The index over states serves a query only if its text says that the state is not `done`. */
const countOf = (state: 'pending' | 'running' | 'dead'): string =>
  `(SELECT count(*) FROM novita_entries WHERE state = '${state}' AND state <> 'done') AS ${state}`;

const COUNT = `
SELECT ${countOf('pending')}, ${countOf('running')}, ${countOf('dead')},
       (SELECT entries FROM novita_done_count) AS done`;

/** Finds the endpoints, and the oldest entry of each, with one search of the index for each. */
const OLDEST_DUE = `
WITH RECURSIVE endpoints (endpoint) AS (
  SELECT min(endpoint) FROM novita_entries WHERE due_at IS NOT NULL
  UNION ALL
  SELECT (
    SELECT min(endpoint) FROM novita_entries
    WHERE novita_entries.endpoint > endpoints.endpoint AND due_at IS NOT NULL
  ) FROM endpoints WHERE endpoints.endpoint IS NOT NULL
)
SELECT min((
  SELECT min(due_at) FROM novita_entries
  WHERE novita_entries.endpoint = endpoints.endpoint AND due_at IS NOT NULL
)) AS due_at
FROM endpoints`;

export function stats(connection: Connection, now: number): InboxStats {
  const [counts] = connection.all(COUNT) as Omit<InboxStats, 'lagMs' | 'expected'>[];
  const [awaited] = connection.all(COUNT_EXPECTED) as Pick<InboxStats, 'pending' | 'running'>[];
  const [oldest] = connection.all(OLDEST_DUE) as { due_at: number | null }[];
  const { pending = 0, running = 0, done = 0, dead = 0 } = counts ?? {};
  const expected = { pending: 0, running: 0, ...awaited };
  return {
    expected: expected.pending + expected.running,
    pending: pending - expected.pending,
    running: running - expected.running,
    ...{ done, dead, lagMs: Math.max(0, now - (oldest?.due_at ?? now)) },
  };
}
