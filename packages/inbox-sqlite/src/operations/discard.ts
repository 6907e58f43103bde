import type { EntryKey } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';

const DISCARD = `
DELETE FROM novita_entries
WHERE task_id = :taskId AND endpoint = :endpoint AND state <> 'running'`;

export function discard(connection: Connection, { endpoint, taskId }: EntryKey): boolean {
  return connection.run(DISCARD, { endpoint, taskId }) > 0;
}
