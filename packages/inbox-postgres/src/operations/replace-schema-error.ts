import type { NewEntry } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { toInput, type Added } from './add.ts';

const SELECT_KNOWN = `
SELECT id::text AS id, schema_error IS NOT NULL AS drifted FROM novita_webhooks.events
WHERE task_id = $1::text AND endpoint = $2::text`;

/** First these and then the event, as everybody does: so nobody waits in a circle. */
const TAKE_AWAY = `
WITH begun AS (
  DELETE FROM novita_webhooks.pending_entries WHERE id = $1::bigint RETURNING id
), dead AS (
  DELETE FROM novita_webhooks.finished_entries WHERE id = $1::bigint AND state = 'dead' RETURNING id
)
SELECT id FROM begun UNION ALL SELECT id FROM dead`;

const SELECT_STATE = 'SELECT state FROM novita_webhooks.finished_entries WHERE id = $1::bigint';

const REPLACE = `
WITH input AS (
  SELECT * FROM json_to_recordset($2::text::json) AS input (
    status text, body text, metadata text, "testMode" boolean, "receivedAt" float8
  )
), replaced AS (
  UPDATE novita_webhooks.events
  SET id = DEFAULT, status = input.status, body = input.body, schema_error = NULL,
      metadata = input.metadata, test_mode = "testMode",
      received_at = to_timestamp("receivedAt" / 1000)
  FROM input WHERE events.id = $1::bigint AND events.schema_error IS NOT NULL
  RETURNING events.id, events.endpoint
)
INSERT INTO novita_webhooks.pending_entries (id, endpoint, due_at)
SELECT id, endpoint, clock_timestamp() FROM replaced RETURNING id`;

/** As in `add` (migrations/002-functions.ts): a duplicate has to be as safe as what was added. */
const CONFIRM = "SELECT pg_logical_emit_message(true, 'novita_webhooks', '')";

/**
 * Puts an entry that fits in the place of one that drifted, unless that is done. Statement by
 * statement, each with a fresh look: what others commit meanwhile must not make a duplicate out of the
 * real result.
 *
 * @returns `unsure` when there is none that drifted any more
 */
export async function giveWay(query: Query, entry: NewEntry): Promise<Added> {
  const values = [entry.taskId, entry.endpoint];
  const [known] = await query<{ id: string; drifted: boolean }>(SELECT_KNOWN, values);
  if (!known?.drifted) return 'unsure';
  if ((await query(TAKE_AWAY, [known.id])).length === 0) {
    const [settled] = await query<{ state: string }>(SELECT_STATE, [known.id]);
    if (settled?.state !== 'done') return 'unsure';
    await query(CONFIRM);
    return 'duplicate';
  }
  const [replaced] = await query(REPLACE, [known.id, toInput([entry])]);
  if (replaced === undefined) throw conflict();
  return 'added';
}

/** As PostgreSQL would say it: undone, and done again. */
function conflict(): Error {
  return Object.assign(new Error('an entry has changed'), { code: '40001' });
}
