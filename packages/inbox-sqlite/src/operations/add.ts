import {
  hasForeignToken,
  inheritExpectation,
  isBoundToken,
  type AddAnswer,
  type EntryKey,
  type JsonObject,
  type NewEntry,
} from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import { toMs } from './time.ts';

const INSERT_ENTRY = `
INSERT INTO novita_entries (endpoint, task_id, state, due_at)
VALUES (:endpoint, :taskId, 'pending', :now)
ON CONFLICT DO NOTHING`;

/** The condition of the index over tokens. */
const IS_BOUND = "token_id >= 'once:' AND token_id < 'once;'";

const INSERT_EVENT = `
INSERT INTO novita_events (id, status, task_type, schema_error, test_mode, received_at, source,
                           traceparent, token_id, metadata, body, original_body)
VALUES (last_insert_rowid(), :status, :taskType, :schemaError, :testMode, :receivedAt, :source,
        :traceparent, :tokenId, :metadata, :body, :originalBody)
ON CONFLICT (token_id) WHERE ${IS_BOUND} DO NOTHING`;

const DELETE_ENTRY = 'DELETE FROM novita_entries WHERE id = :id';
const DELETE_LAST_ENTRY = 'DELETE FROM novita_entries WHERE id = last_insert_rowid()';

const SELECT_KEY = 'SELECT 1 FROM novita_entries WHERE task_id = :taskId AND endpoint = :endpoint';

/** Looks the token up in the index of those for one task. */
const SELECT_HOLDER = `
SELECT task_id AS taskId FROM novita_events JOIN novita_entries USING (id)
WHERE token_id = :tokenId AND ${IS_BOUND}`;

/** A result that fits the schema replaces one that does not, unless that one is done. */
const SELECT_SCHEMA_ERROR = `
SELECT id, source, schema_error AS schemaError, traceparent, test_mode AS testMode, token_id AS tokenId,
       CASE WHEN json_valid(metadata) THEN metadata ELSE '{}' END AS metadata
FROM novita_entries JOIN novita_events USING (id)
WHERE task_id = :taskId AND endpoint = :endpoint AND state <> 'done' AND schema_error IS NOT NULL`;

export function add(connection: Connection, entry: NewEntry, now: number): AddAnswer {
  const inserted = insert(connection, entry, now);
  if (inserted !== 'duplicate') return inserted;
  if (entry.schemaError !== null) return 'duplicate';
  const { endpoint, taskId } = entry;
  const [existing] = connection.all(SELECT_SCHEMA_ERROR, { endpoint, taskId }) as Existing[];
  if (existing === undefined) return 'duplicate';
  if (hasForeignToken(existing, entry) || hasOtherTask(connection, entry)) return 'other_task';
  connection.run(DELETE_ENTRY, { id: existing.id });
  const metadata = JSON.parse(existing.metadata) as JsonObject;
  const testMode = existing.testMode === 1;
  const result = inheritExpectation({ ...existing, metadata, testMode }, entry);
  if (insert(connection, result, now) !== 'added') throw notStored();
  return 'added';
}

/** A row of `SELECT_SCHEMA_ERROR`. */
interface Existing extends Pick<NewEntry, 'source' | 'schemaError' | 'traceparent' | 'tokenId'> {
  readonly id: number;
  readonly metadata: string;
  readonly testMode: 0 | 1;
}

function insert(connection: Connection, entry: NewEntry, now: number): AddAnswer {
  const { endpoint, taskId } = entry;
  if (connection.run(INSERT_ENTRY, { endpoint, taskId, now }) === 0) {
    requireStored(connection, entry);
    return 'duplicate';
  }
  if (insertEvent(connection, entry, null)) return 'added';
  if (findHolder(connection, entry) === undefined) throw notStored();
  connection.run(DELETE_LAST_ENTRY, {});
  return 'other_task';
}

/**
 * For an insert that stored nothing. The usual cause is an entry with the same key, but a trigger can make
 * an insert do nothing as well, and the event would be acknowledged and lost.
 *
 * @throws Error if no entry has the key
 */
export function requireStored(connection: Connection, { endpoint, taskId }: EntryKey): void {
  if (connection.all(SELECT_KEY, { endpoint, taskId }).length === 0) throw notStored();
}

export function notStored(): Error {
  return new Error(
    'the database did not store the entry and reported no error. Find the trigger on a table whose name ' +
      'begins with novita_, and drop it.',
  );
}

/** Whether an entry of another task has the token, and it is for one task. */
export function hasOtherTask(connection: Connection, { tokenId, taskId }: NewEntry): boolean {
  const holder = findHolder(connection, { tokenId });
  return holder !== undefined && holder.taskId !== taskId;
}

function findHolder(connection: Connection, { tokenId }: Pick<NewEntry, 'tokenId'>) {
  if (!isBoundToken(tokenId)) return undefined;
  const [holder] = connection.all(SELECT_HOLDER, { tokenId }) as { readonly taskId: string }[];
  return holder;
}

/** Inserts the event of the entry that was inserted last. `false`: another event has its token. */
export function insertEvent(
  connection: Connection,
  entry: NewEntry,
  originalBody: string | null,
): boolean {
  const { status, taskType, schemaError, source, traceparent, tokenId, body } = entry;
  const inserted = connection.run(INSERT_EVENT, {
    ...{ status, taskType, schemaError, source, traceparent, tokenId, body, originalBody },
    metadata: JSON.stringify(entry.metadata),
    testMode: entry.testMode ? 1 : 0,
    receivedAt: toMs(entry.receivedAt),
  });
  return inserted === 1;
}
