// Says in how many milliseconds the next entry of an endpoint is due.
import type { Connection } from '../connection/connection.ts';

const NEXT_DUE = `
SELECT min(due_at, ${Number.MAX_SAFE_INTEGER}) AS due_at FROM novita_entries
WHERE endpoint = :endpoint AND due_at IS NOT NULL
ORDER BY novita_entries.due_at LIMIT 1`;

export function nextDueMs(connection: Connection, endpoint: string, now: number): number | null {
  const [row] = connection.all(NEXT_DUE, { endpoint }) as { due_at: number }[];
  return row === undefined ? null : Math.max(0, row.due_at - now);
}
