import type { Entry, EntryKey } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { ANY_COLUMNS, EVENT_COLUMNS, toEntry, type Row } from './row.ts';

const GET = `
SELECT ${EVENT_COLUMNS}, ${ANY_COLUMNS}
FROM novita_webhooks.events
LEFT JOIN novita_webhooks.pending_entries ON pending_entries.id = events.id
LEFT JOIN novita_webhooks.finished_entries ON finished_entries.id = events.id
WHERE events.task_id = $1::text AND events.endpoint = $2::text`;

export async function get(
  query: Query,
  { endpoint, taskId }: EntryKey,
): Promise<Entry | undefined> {
  const [row] = await query<Row>(GET, [taskId, endpoint]);
  return row && toEntry(row);
}
