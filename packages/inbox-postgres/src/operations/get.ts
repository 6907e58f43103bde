import type { Entry, EntryKey } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { EVENT_COLUMNS, EVENTS_WITH_STATE, STATE_COLUMNS, toEntry, type Row } from './row.ts';

const GET = `
SELECT ${EVENT_COLUMNS}, ${STATE_COLUMNS}
FROM ${EVENTS_WITH_STATE}
WHERE events.task_id = $1::text AND events.endpoint = $2::text`;

/** Reads one entry with its state. */
export async function get(
  query: Query,
  { endpoint, taskId }: EntryKey,
): Promise<Entry | undefined> {
  const [row] = await query<Row>(GET, [taskId, endpoint]);
  return row && toEntry(row);
}
