// The frequent statements as SQL functions: add, claim, extend, settle.

const ONE_GENERIC_PLAN = `LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET jit = off
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_indexscan = on SET enable_nestloop = on`;

/** A copy of that in operations/row.ts: a migration keeps its text. Never the text of a float. */
const millisecondsText = (time: string) =>
  `CASE WHEN NOT isfinite(${time}) THEN 'Infinity'
    ELSE (round(extract(epoch FROM ${time}) * 1000)::float8)::bigint::text END`;

/**
 * Sets until the end of the transaction what the caller's connection may lack: a copy of
 * client/transaction-settings.ts. A SET clause of the function would end before the COMMIT.
 */
const TRANSACTION_SETTINGS = `
  IF current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  IF current_setting('session_replication_role') = 'replica' THEN
    PERFORM set_config('session_replication_role', 'origin', true);
  END IF;`;

/**
 * The parameter `input` as rows. Fails inside a transaction of the inbox: a copy of
 * client/transaction-guard.ts.
 */
const inputRows = (columns: string): string => `input_rows AS MATERIALIZED (
    SELECT * FROM json_to_recordset((
      CASE WHEN coalesce(current_setting('novita.transaction', true), '') = '' THEN input
      ELSE current_setting('novita.connection_released_inside_transaction') END
    )::json) AS input_rows (${columns})
  )`;

/** A copy of that in operations/replace-schema-error.ts. A name of a schema has no `$`. */
const TOKEN_LOCK = '$events$novita_webhooks.events$events$::regclass::bigint';

const CLAIM_REF = 'n integer, id bigint, "fencingToken" text, endpoint text, "taskId" text';

/** The rows of `input` whose fencing token is valid. Locks their entries in the order of ids. */
const claimedRows = (columns: string): string => `${inputRows(`
      ${CLAIM_REF},
      ${columns}
    `)}, claimed AS MATERIALIZED (
    SELECT input_rows.*, pending_entries.attempts, pending_entries.succeeded_handlers,
           pending_entries.replays, pending_entries.partial_replay, pending_entries.attempt_log
    FROM input_rows
    JOIN novita_webhooks.pending_entries
      ON pending_entries.id = ANY (ARRAY[input_rows.id])
      AND pending_entries.fencing_token IS NOT DISTINCT FROM input_rows."fencingToken"
    JOIN novita_webhooks.events
      ON events.id = ANY (ARRAY[input_rows.id])
      AND (events.task_id, events.endpoint)
        IS NOT DISTINCT FROM (input_rows."taskId", input_rows.endpoint)
    ORDER BY input_rows.id
    FOR UPDATE OF pending_entries
  )`;

/**
 * The frequent statements, as functions: planning them takes longer than running them. A function keeps
 * its plans as long as the connection lasts, behind every client and every pooler. See
 * docs/decisions/0017.
 *
 * A plan is made once, for whatever the tables hold then. It must be good for an empty table and for
 * millions of rows. So the planner must have no choice:
 *
 * - `enable_seqscan` is off: no plan reads a whole table. Joins are `= ANY (ARRAY[…])`, which an index can
 *   look up, but not read in its order for a merge join.
 * - A condition after the lookup is `IS NOT DISTINCT FROM`. No index can use it, and it does not imply the
 *   predicate of a partial index.
 * - An id is looked up in a primary key. PostgreSQL would also read the whole of an index that has the id
 *   as a later column. So every such index that is not partial has `id + 0`.
 *
 * `input` is a JSON array of objects with the columns that each function lists. `n` is the position in
 * that array.
 */
export const functions: string = `
-- Rows are sorted by key, so calls with common keys wait for each other in one order. No order suits the
-- tokens for one task as well: so calls with several rows and such a token take turns. A call with one row
-- holds nothing while it waits.
CREATE FUNCTION novita_webhooks.add(input text, takes_turn boolean)
RETURNS TABLE (n integer, is_valid boolean) -- NULL: unknown
${ONE_GENERIC_PLAN} AS $$
#variable_conflict use_column
BEGIN${TRANSACTION_SETTINGS}
  IF takes_turn THEN
    PERFORM pg_advisory_xact_lock(${TOKEN_LOCK});
  END IF;
  RETURN QUERY WITH ${inputRows(`
      n integer, "receivedAt" float8, "testMode" boolean, endpoint text, "taskId" text, status text,
      "taskType" text, source text, metadata text, "schemaError" text, traceparent text,
      "tokenId" text, body text
    `)}, inserted AS (
    INSERT INTO novita_webhooks.events (
      received_at, test_mode, endpoint, task_id, status, task_type, source, metadata, schema_error,
      traceparent, token_id, body
    )
    SELECT to_timestamp("receivedAt" / 1000), "testMode", endpoint, "taskId", status, "taskType",
           source, metadata, "schemaError", traceparent, "tokenId", body
    FROM input_rows
    ORDER BY "taskId" COLLATE "C", endpoint COLLATE "C"
    ON CONFLICT DO NOTHING -- by the key, or by a token for one task
    RETURNING id, endpoint, task_id
  ), queued AS (
    INSERT INTO novita_webhooks.pending_entries (id, endpoint, due_at)
    SELECT id, endpoint, clock_timestamp() FROM inserted
  ), existing AS MATERIALIZED (
    SELECT n, endpoint, "taskId" FROM input_rows
    WHERE NOT EXISTS (
      SELECT FROM inserted
      WHERE inserted.task_id = "taskId" AND inserted.endpoint = input_rows.endpoint
    )
  -- A duplicate is acknowledged, so it must be as durable as an added entry. Another session committed
  -- it. If that session stopped waiting for a synchronous standby, the standby may not have it. A
  -- message in the WAL makes this commit wait for the standby.
  ), confirmed AS MATERIALIZED (
    SELECT pg_logical_emit_message(true, 'novita_webhooks', '')
    FROM (SELECT FROM existing LIMIT 1) AS one
  )
  SELECT existing.n, CASE WHEN events.id IS NOT NULL THEN events.schema_error IS NULL END
  FROM existing
  LEFT JOIN novita_webhooks.events
    ON events.task_id = ANY (ARRAY[existing."taskId"])
    AND events.endpoint IS NOT DISTINCT FROM existing.endpoint
  WHERE (SELECT count(*) FROM confirmed) = 1;
END $$;

CREATE FUNCTION novita_webhooks.claim(
  at_endpoint text, max_entries integer, lease_duration_ms float8, new_fencing_token text
) RETURNS TABLE (
  id text, endpoint text, task_id text, status text, task_type text, body text, original_body text,
  schema_error text, metadata text, test_mode boolean, received_at text, source text,
  traceparent text, token_id text, attempts integer, succeeded_handlers text, reason text,
  due_at text, replays integer, partial_replay text, attempt_log text, fencing_token text,
  is_takeover boolean
)
${ONE_GENERIC_PLAN} AS $$
#variable_conflict use_column
BEGIN
  -- Entries that are due, and running entries whose lease has ended. Rows that other claims have locked
  -- are skipped. The time is a subquery: one value for all rows, which the index can look up.
  RETURN QUERY WITH locked AS MATERIALIZED (
    SELECT id, due_at, fencing_token IS NOT NULL AS is_running, is_overdue
    FROM novita_webhooks.pending_entries
    WHERE endpoint = at_endpoint AND due_at <= (SELECT clock_timestamp())
    ORDER BY due_at, id + 0 LIMIT max_entries
    FOR UPDATE SKIP LOCKED
  ), numbered AS (
    SELECT *, row_number() OVER (ORDER BY due_at, id) AS place FROM locked
  -- At the second look a running entry is taken over, alone: nothing from its place on is claimed
  -- beside it. At the first look its holder gets time for another heartbeat.
  ), looked_at AS MATERIALIZED (
    SELECT *, is_running AND is_overdue AS is_takeover,
           count(*) FILTER (WHERE NOT is_running) OVER earlier AS pending_before
    FROM numbered
    WHERE place <= coalesce(
      (SELECT min(place) FROM numbered WHERE is_running AND is_overdue), max_entries)
    WINDOW earlier AS (ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
  ), marked AS (
    UPDATE novita_webhooks.pending_entries
    SET is_overdue = true,
        due_at = clock_timestamp() + lease_duration_ms / 2 * interval '1 millisecond'
    FROM looked_at
    WHERE pending_entries.id = ANY (ARRAY[looked_at.id])
      AND looked_at.is_running AND NOT looked_at.is_takeover
  ), claimed AS (
    UPDATE novita_webhooks.pending_entries
    SET fencing_token = pending_entries.replays || '_' || new_fencing_token, is_overdue = false,
        attempts = pending_entries.attempts + 1,
        due_at = clock_timestamp() + lease_duration_ms * interval '1 millisecond'
    FROM looked_at
    WHERE pending_entries.id = ANY (ARRAY[looked_at.id])
      AND (NOT looked_at.is_running OR looked_at.is_takeover AND looked_at.pending_before = 0)
    RETURNING pending_entries.*, looked_at.due_at AS was_due_at, looked_at.is_takeover
  )
  SELECT events.id::text, events.endpoint, events.task_id, events.status, events.task_type,
         events.body, events.original_body, events.schema_error, events.metadata, events.test_mode,
         ${millisecondsText('events.received_at')}, events.source,
         events.traceparent, events.token_id,
         claimed.attempts, to_json(claimed.succeeded_handlers)::text, claimed.reason,
         ${millisecondsText('claimed.due_at')},
         claimed.replays, claimed.partial_replay, claimed.attempt_log,
         claimed.fencing_token, claimed.is_takeover
  FROM claimed JOIN novita_webhooks.events ON events.id = ANY (ARRAY[claimed.id])
  ORDER BY claimed.was_due_at, claimed.id;
END $$;

CREATE FUNCTION novita_webhooks.extend(input text) RETURNS SETOF integer
${ONE_GENERIC_PLAN} AS $$
BEGIN${TRANSACTION_SETTINGS}
  RETURN QUERY WITH ${claimedRows('"leaseDurationMs" float8')}
  UPDATE novita_webhooks.pending_entries
  SET due_at = clock_timestamp() + claimed."leaseDurationMs" * interval '1 millisecond',
      is_overdue = false
  FROM claimed WHERE pending_entries.id = ANY (ARRAY[claimed.id])
  RETURNING claimed.n;
END $$;

CREATE FUNCTION novita_webhooks.settle(input text) RETURNS SETOF integer
${ONE_GENERIC_PLAN} AS $$
BEGIN${TRANSACTION_SETTINGS}
  RETURN QUERY WITH ${claimedRows(`
      type text, "delayMs" float8, reason text, "errorGroup" text, "succeededHandlers" json,
      "attemptLog" text
    `)}, merged AS MATERIALIZED (
    -- Until the next replay, no name is removed from the succeeded handlers.
    SELECT claimed.*, CASE json_array_length("succeededHandlers")
      WHEN 0 THEN succeeded_handlers
      ELSE ARRAY(
        SELECT unnest(succeeded_handlers)
        UNION SELECT json_array_elements_text("succeededHandlers")
      )
    END AS all_succeeded
    FROM claimed
  ), removed AS (
    DELETE FROM novita_webhooks.pending_entries USING merged
    WHERE pending_entries.id = ANY (ARRAY[merged.id]) AND merged.type IN ('done', 'dead')
  ), finished AS (
    INSERT INTO novita_webhooks.finished_entries (
      id, finished_at, attempts, replays, state, succeeded_handlers, reason, error_group,
      partial_replay, attempt_log
    )
    SELECT id, clock_timestamp(), attempts, replays, type, all_succeeded, reason, "errorGroup",
           partial_replay, coalesce("attemptLog", attempt_log)
    FROM merged WHERE type IN ('done', 'dead')
  ), rescheduled AS (
    UPDATE novita_webhooks.pending_entries
    SET fencing_token = NULL,
        due_at = clock_timestamp() + merged."delayMs" * interval '1 millisecond',
        attempts = pending_entries.attempts - CASE merged.type WHEN 'released' THEN 1 ELSE 0 END,
        reason = coalesce(merged.reason, pending_entries.reason),
        error_group = coalesce(merged."errorGroup", pending_entries.error_group),
        succeeded_handlers = merged.all_succeeded,
        attempt_log = coalesce(merged."attemptLog", pending_entries.attempt_log)
    FROM merged
    WHERE pending_entries.id = ANY (ARRAY[merged.id]) AND merged.type IN ('retry', 'released')
  )
  SELECT n FROM merged;
END $$;
`;
