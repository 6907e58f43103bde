import type { Entry, EntryKey } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { entryColumns, JOIN_STATE, toEntry, type Row } from './row.ts';

const GET = `
SELECT ${entryColumns({ bodies: true })}
FROM novita_webhooks.events ${JOIN_STATE}
WHERE events.task_id = $1::text AND events.endpoint = $2::text`;

/** Reads one entry with its state. */
export async function get(
  query: Query,
  { endpoint, taskId }: EntryKey,
): Promise<Entry | undefined> {
  const [row] = await query<Row>(GET, [taskId, endpoint]);
  return row && toEntry(row);
}
