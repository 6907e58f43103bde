import type { EntryState, InboxStats } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';

const COUNT = 'SELECT state, sum(entries) AS entries FROM novita_counts GROUP BY state';

/** Searches each endpoint separately, because the index begins with the endpoint. */
const OLDEST_DUE = `
SELECT min((
  SELECT min(due_at) FROM novita_entries
  WHERE novita_entries.endpoint = endpoints.endpoint AND due_at IS NOT NULL
)) AS due_at
FROM (SELECT DISTINCT endpoint FROM novita_counts) AS endpoints`;

export function stats(connection: Connection, now: number): InboxStats {
  const rows = connection.all(COUNT) as { state: EntryState; entries: number }[];
  const counts = Object.fromEntries(rows.map(({ state, entries }) => [state, entries]));
  const [oldest] = connection.all(OLDEST_DUE) as { due_at: number | null }[];
  const { pending = 0, running = 0, done = 0, dead = 0 } = counts;
  return { pending, running, done, dead, lagMs: Math.max(0, now - (oldest?.due_at ?? now)) };
}
