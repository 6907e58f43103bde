import type { NewEntry } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import { toMs } from './time.ts';

const INSERT_ENTRY = `
INSERT INTO novita_entries (endpoint, task_id, state, due_at)
VALUES (:endpoint, :taskId, 'pending', :now)
ON CONFLICT DO NOTHING`;

const INSERT_EVENT = `
INSERT INTO novita_events (id, status, body, schema_error, metadata, test_mode, received_at)
VALUES (last_insert_rowid(), :status, :body, :schemaError, :metadata, :testMode, :receivedAt)`;

/** A result that fits the schema replaces one that does not, unless that one is done. */
const DELETE_SCHEMA_ERROR = `
DELETE FROM novita_entries
WHERE task_id = :taskId AND endpoint = :endpoint AND state <> 'done'
  AND EXISTS (SELECT 1 FROM novita_events WHERE id = novita_entries.id AND schema_error IS NOT NULL)`;

export function add(connection: Connection, entry: NewEntry, now: number): 'added' | 'duplicate' {
  if (insert(connection, entry, now)) return 'added';
  if (entry.schemaError !== null) return 'duplicate';
  const { endpoint, taskId } = entry;
  const isDeleted = connection.run(DELETE_SCHEMA_ERROR, { endpoint, taskId }) > 0;
  return isDeleted && insert(connection, entry, now) ? 'added' : 'duplicate';
}

function insert(connection: Connection, entry: NewEntry, now: number): boolean {
  const { endpoint, taskId, status, body, schemaError, metadata, testMode, receivedAt } = entry;
  if (connection.run(INSERT_ENTRY, { endpoint, taskId, now }) === 0) return false;
  connection.run(INSERT_EVENT, {
    status,
    body,
    schemaError,
    metadata: JSON.stringify(metadata),
    testMode: testMode ? 1 : 0,
    receivedAt: toMs(receivedAt),
  });
  return true;
}
