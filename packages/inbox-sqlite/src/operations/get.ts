// Reads one entry.
import type { Entry, EntryKey } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import { selectEntry, toEntry, type Row } from './row.ts';

const GET = `${selectEntry()} WHERE task_id = :taskId AND endpoint = :endpoint`;

export function get(connection: Connection, { endpoint, taskId }: EntryKey): Entry | undefined {
  const [row] = connection.all(GET, { endpoint, taskId }) as Row[];
  return row && toEntry(row);
}
