import type { Query } from '../client/database.ts';
import { parseNumber, type TextRow } from './row.ts';

const NEXT_DUE = `
SELECT ceil(round((
  extract(epoch FROM due_at - clock_timestamp()) * 1000
)::numeric, 3))::text AS ms
FROM novita_webhooks.pending_entries WHERE endpoint = $1::text
ORDER BY due_at LIMIT 1`;

/** Reads how many milliseconds are left until an entry is due or a lease ends; `null` if there is none. */
export async function nextDueMs(query: Query, endpoint: string): Promise<number | null> {
  const [row] = await query<TextRow<'ms'>>(NEXT_DUE, [endpoint]);
  return row === undefined ? null : Math.max(0, parseNumber(row.ms));
}
