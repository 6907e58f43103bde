import {
  hasForeignToken,
  isBoundToken,
  type EntrySource,
  type NewEntry,
} from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { createCodedError } from '../errors.ts';
import { EVENT_INPUT, toInput, type AddResult } from './add.ts';
import type { TextRow } from './row.ts';

const SELECT_EXISTING = `
SELECT id::text AS id, schema_error, source, token_id, state
FROM novita_webhooks.events LEFT JOIN novita_webhooks.finished_entries USING (id)
WHERE task_id = $1::text AND events.endpoint = $2::text`;

const SELECT_OTHER_TASK = `
SELECT id::text AS id FROM novita_webhooks.events
WHERE token_id = $1::text AND token_id >= 'once:' AND token_id < 'once;'
  AND (task_id, endpoint) IS DISTINCT FROM ($2::text, $3::text)`;

/** In turn with calls of `add`: see migrations/002-functions.ts. */
const TAKE_TURN = `
SELECT pg_advisory_xact_lock($events$novita_webhooks.events$events$::regclass::bigint)::text AS locked`;

/** Locks entries before events, as every statement does: so no two transactions deadlock. */
const DELETE_STATE = `
WITH pending AS (
  DELETE FROM novita_webhooks.pending_entries WHERE id = $1::bigint RETURNING id
), dead AS (
  DELETE FROM novita_webhooks.finished_entries WHERE id = $1::bigint AND state = 'dead'
  RETURNING id
)
SELECT id::text AS id FROM pending UNION ALL SELECT id::text FROM dead`;

const SELECT_STATE = 'SELECT state FROM novita_webhooks.finished_entries WHERE id = $1::bigint';

/** As `inheritExpectation` of core does it. */
const INHERITS = "events.source = 'expectation'";

const REPLACE = `
WITH input AS (
  SELECT * FROM json_to_record($2::text::json) AS input (${EVENT_INPUT})
), replaced AS (
  UPDATE novita_webhooks.events
  SET id = DEFAULT, received_at = to_timestamp("receivedAt" / 1000), test_mode = "testMode",
      status = input.status, task_type = "taskType", source = input.source,
      metadata = CASE WHEN ${INHERITS} AND events.metadata <> '{}'
        THEN events.metadata ELSE input.metadata END,
      traceparent = coalesce(input.traceparent, CASE WHEN ${INHERITS} THEN events.traceparent END),
      schema_error = NULL,
      token_id = CASE WHEN ${INHERITS} AND "testMode" AND NOT events.test_mode THEN NULL
        ELSE coalesce("tokenId", CASE WHEN ${INHERITS} THEN events.token_id END) END,
      body = input.body, original_body = NULL
  FROM input WHERE events.id = $1::bigint AND events.schema_error IS NOT NULL
  RETURNING events.id, events.endpoint
)
INSERT INTO novita_webhooks.pending_entries (id, endpoint, due_at)
SELECT id, endpoint, clock_timestamp() FROM replaced
RETURNING id::text AS id`;

/** A duplicate must be as durable as an added entry: see migrations/002-functions.ts. */
const CONFIRM_DUPLICATE =
  "SELECT pg_logical_emit_message(true, 'novita_webhooks', '')::text AS position";

/**
 * Replaces an entry with a schema error by a valid one with the same key, unless it is done. Each
 * statement has a snapshot of its own: a concurrent commit must not make a duplicate of the valid one.
 *
 * @returns `undecided` if no entry with a schema error is left, nor one that has the token
 */
export async function replaceSchemaError(query: Query, entry: NewEntry): Promise<AddResult> {
  const key = [entry.taskId, entry.endpoint];
  const [existing] = await query<ExistingRow>(SELECT_EXISTING, key);
  if (existing?.schema_error === null) return 'undecided'; // the next attempt to add finds it
  if (existing?.state === 'done') return confirmDuplicate(query); // with any token
  if (isBoundToken(entry.tokenId)) {
    const others = await query(SELECT_OTHER_TASK, [entry.tokenId, ...key]);
    if (others.length > 0) return 'other_task';
  }
  if (existing === undefined || entry.schemaError !== null) return 'undecided';
  if (hasForeignToken(toExisting(existing), entry)) return 'other_task';
  if (isBoundToken(entry.tokenId)) await query(TAKE_TURN);
  if ((await query(DELETE_STATE, [existing.id])).length === 0) {
    const [finished] = await query<TextRow<'state'>>(SELECT_STATE, [existing.id]);
    return finished?.state === 'done' ? confirmDuplicate(query) : 'undecided';
  }
  const [replaced] = await query(REPLACE, [existing.id, JSON.stringify(toInput(entry))]);
  if (replaced === undefined) throw conflict();
  return 'added';
}

async function confirmDuplicate(query: Query): Promise<AddResult> {
  await query(CONFIRM_DUPLICATE);
  return 'duplicate';
}

/** A row of `SELECT_EXISTING`; `state` of a finished entry only. */
type ExistingRow = TextRow<'id' | 'source', 'schema_error' | 'token_id' | 'state'>;

const toExisting = ({ source, schema_error, token_id }: ExistingRow) => ({
  ...{ source: source as EntrySource, schemaError: schema_error, tokenId: token_id },
});

/** The SQLSTATE of a serialization failure: the transaction is rolled back and retried. */
const conflict = (): Error => createCodedError('40001', 'an entry was modified concurrently');
