import { inheritExpectation, type JsonObject, type NewEntry } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import { toMs } from './time.ts';

const INSERT_ENTRY = `
INSERT INTO novita_entries (endpoint, task_id, state, due_at)
VALUES (:endpoint, :taskId, 'pending', :now)
ON CONFLICT DO NOTHING`;

const INSERT_EVENT = `
INSERT INTO novita_events (id, status, task_type, schema_error, test_mode, received_at, source,
                           traceparent, token_id, metadata, body, original_body)
VALUES (last_insert_rowid(), :status, :taskType, :schemaError, :testMode, :receivedAt, :source,
        :traceparent, :tokenId, :metadata, :body, :originalBody)`;

/** A result that fits the schema replaces one that does not, unless that one is done. */
const SELECT_SCHEMA_ERROR = `
SELECT id, source, schema_error AS schemaError, traceparent, test_mode AS testMode,
       CASE WHEN json_valid(metadata) THEN metadata ELSE '{}' END AS metadata
FROM novita_entries JOIN novita_events USING (id)
WHERE task_id = :taskId AND endpoint = :endpoint AND state <> 'done' AND schema_error IS NOT NULL`;

export function add(connection: Connection, entry: NewEntry, now: number): 'added' | 'duplicate' {
  if (insert(connection, entry, now)) return 'added';
  if (entry.schemaError !== null) return 'duplicate';
  const { endpoint, taskId } = entry;
  const [existing] = connection.all(SELECT_SCHEMA_ERROR, { endpoint, taskId }) as Existing[];
  if (existing === undefined) return 'duplicate';
  connection.run('DELETE FROM novita_entries WHERE id = :id', { id: existing.id });
  const metadata = JSON.parse(existing.metadata) as JsonObject;
  const testMode = existing.testMode === 1;
  insert(connection, inheritExpectation({ ...existing, metadata, testMode }, entry), now);
  return 'added';
}

/** A row of `SELECT_SCHEMA_ERROR`. */
interface Existing extends Pick<NewEntry, 'source' | 'schemaError' | 'traceparent'> {
  readonly id: number;
  readonly metadata: string;
  readonly testMode: 0 | 1;
}

function insert(connection: Connection, entry: NewEntry, now: number): boolean {
  const { endpoint, taskId } = entry;
  if (connection.run(INSERT_ENTRY, { endpoint, taskId, now }) === 0) return false;
  insertEvent(connection, entry, null);
  return true;
}

/** Inserts the event of the entry that was inserted last. */
export function insertEvent(
  connection: Connection,
  entry: NewEntry,
  originalBody: string | null,
): void {
  const { status, taskType, schemaError, source, traceparent, tokenId, body } = entry;
  connection.run(INSERT_EVENT, {
    ...{ status, taskType, schemaError, source, traceparent, tokenId, body, originalBody },
    metadata: JSON.stringify(entry.metadata),
    testMode: entry.testMode ? 1 : 0,
    receivedAt: toMs(entry.receivedAt),
  });
}
