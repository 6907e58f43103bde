const KEPT = `LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET jit = off
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_indexscan = on SET enable_nestloop = on`;

/** What came as `input`, unless the connection is where it must not be. */
const given = (columns: string): string => `given AS MATERIALIZED (
    SELECT * FROM json_to_recordset((
      CASE WHEN coalesce(current_setting('novita.transaction', true), '') = '' THEN input
      ELSE current_setting('novita.connection_given_back_in_a_transaction') END
    )::json) AS given (${columns})
  )`;

const CLAIM_REF = 'n integer, id bigint, "fencingToken" text, endpoint text, "taskId" text';

/** … with fences: the rows that they still give the right to, locked in one order. */
const held = (
  columns: string,
): string => `${given(`${CLAIM_REF}, ${columns}`)}, held AS MATERIALIZED (
    SELECT given.*, pending_entries.attempts, pending_entries.succeeded_handlers, pending_entries.reason AS reason_before
    FROM given
    JOIN novita_webhooks.pending_entries
      ON pending_entries.id = ANY (ARRAY[given.id]) AND pending_entries.fencing_token IS NOT DISTINCT FROM given."fencingToken"
    JOIN novita_webhooks.events
      ON events.id = ANY (ARRAY[given.id])
      AND (events.task_id, events.endpoint) IS NOT DISTINCT FROM (given."taskId", given.endpoint)
    ORDER BY given.id
    FOR UPDATE OF pending_entries
  )`;

/**
 * What is asked of the tables all the time. As functions, since planning these statements takes longer
 * than carrying them out, and a function keeps its plans for as long as the connection lasts, behind
 * every client and every pooler. See docs/decisions/0017.
 *
 * A plan that is kept is made once, whatever is in the tables by then, and has to be good for millions
 * of rows as for none. So it must have no choice:
 *
 * - No table is read as a whole (`enable_seqscan`), nor is an index in its order, for a merge: joins are
 *   `= ANY (ARRAY[…])`, which can be looked up in an index, and no more.
 * - What is to be compared after the lookup is `IS NOT DISTINCT FROM`, which no index knows, and from
 *   which the condition of no partial index follows.
 * - An id is looked up in a primary key: where it comes later in an index, that would be read from one
 *   end to the other. So all others that are not partial have it as `id + 0`.
 *
 * `input` is JSON: a list of objects with the columns that are named. Its guard is explained in
 * operations/guard.ts.
 */
export const functions: string = `
CREATE FUNCTION novita_webhooks.add(input text) RETURNS TABLE (n integer, fits boolean)
${KEPT} AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY WITH ${given(`
      n integer, endpoint text, "taskId" text, status text, body text, "schemaError" text, metadata text,
      "testMode" boolean, "receivedAt" float8
    `)}, arrived AS (
    INSERT INTO novita_webhooks.events
      (endpoint, task_id, status, body, schema_error, metadata, test_mode, received_at)
    SELECT endpoint, "taskId", status, body, "schemaError", metadata, "testMode",
           to_timestamp("receivedAt" / 1000)
    FROM given
    -- Sorted: two of these that have keys in common wait for each other in one order only.
    ORDER BY "taskId" COLLATE "C", endpoint COLLATE "C"
    ON CONFLICT (task_id, endpoint) DO NOTHING
    RETURNING id, endpoint, task_id
  ), begun AS (
    INSERT INTO novita_webhooks.pending_entries (id, endpoint, due_at)
    SELECT id, endpoint, clock_timestamp() FROM arrived
  ), known AS MATERIALIZED (
    SELECT n, endpoint, "taskId" FROM given
    WHERE NOT EXISTS (
      SELECT FROM arrived WHERE arrived.task_id = "taskId" AND arrived.endpoint = given.endpoint
    )
  -- A duplicate is answered like what was added, and has to be as safe. It was committed by somebody
  -- else, whose wait for a synchronous standby may have been broken off: then it is here, and not
  -- there. So a message goes to the log, which nobody reads, and this commit waits as well.
  ), confirmed AS MATERIALIZED (
    SELECT pg_logical_emit_message(true, 'novita_webhooks', '') FROM (SELECT FROM known LIMIT 1) AS one
  )
  SELECT known.n, events.id IS NOT NULL AND events.schema_error IS NULL
  FROM known
  LEFT JOIN novita_webhooks.events
    ON events.task_id = ANY (ARRAY[known."taskId"])
    AND events.endpoint IS NOT DISTINCT FROM known.endpoint
  WHERE (SELECT count(*) FROM confirmed) = 1;
END $$;

CREATE FUNCTION novita_webhooks.claim(
  at_endpoint text, most integer, lease_duration_ms float8, new_fencing_token text
) RETURNS TABLE (
  id text, endpoint text, task_id text, status text, body text, schema_error text, metadata text,
  test_mode boolean, received_at float8, attempts integer, succeeded_handlers text, reason text, due_at float8
)
${KEPT} AS $$
#variable_conflict use_column
BEGIN
  -- Waiting and due, or running under a lease that has ended; what others are just taking is skipped.
  -- The time is a subquery: one for all rows, by which the index can be entered.
  RETURN QUERY WITH due AS MATERIALIZED (
    SELECT id, due_at FROM novita_webhooks.pending_entries
    WHERE endpoint = at_endpoint AND due_at <= (SELECT clock_timestamp())
    ORDER BY due_at, id + 0 LIMIT most
    FOR UPDATE SKIP LOCKED
  ), claimed AS (
    UPDATE novita_webhooks.pending_entries
    SET fencing_token = new_fencing_token, attempts = pending_entries.attempts + 1,
        due_at = clock_timestamp() + lease_duration_ms * interval '1 millisecond'
    FROM due WHERE pending_entries.id = ANY (ARRAY[due.id])
    RETURNING pending_entries.*, due.due_at AS was_due_at
  )
  SELECT events.id::text, events.endpoint, events.task_id, events.status, events.body, events.schema_error,
         events.metadata, events.test_mode,
         round(extract(epoch FROM events.received_at) * 1000)::float8,
         claimed.attempts, to_json(claimed.succeeded_handlers)::text, claimed.reason,
         round(extract(epoch FROM claimed.due_at) * 1000)::float8
  FROM claimed JOIN novita_webhooks.events ON events.id = ANY (ARRAY[claimed.id])
  ORDER BY claimed.was_due_at, claimed.id;
END $$;

CREATE FUNCTION novita_webhooks.extend(input text) RETURNS SETOF integer
${KEPT} AS $$
BEGIN
  RETURN QUERY WITH ${held('"leaseDurationMs" float8')}
  UPDATE novita_webhooks.pending_entries
  SET due_at = clock_timestamp() + held."leaseDurationMs" * interval '1 millisecond'
  FROM held WHERE pending_entries.id = ANY (ARRAY[held.id])
  RETURNING held.n;
END $$;

CREATE FUNCTION novita_webhooks.settle(input text) RETURNS SETOF integer
${KEPT} AS $$
BEGIN
  RETURN QUERY WITH ${held('type text, "delayMs" float8, reason text, succeeded json')}, named AS MATERIALIZED (
    -- Within a series no name of a succeeded handler is taken away.
    SELECT held.*, ARRAY(
      SELECT unnest(succeeded_handlers) UNION SELECT json_array_elements_text(succeeded)
    ) AS united
    FROM held
  ), ended AS (
    DELETE FROM novita_webhooks.pending_entries USING named
    WHERE pending_entries.id = ANY (ARRAY[named.id]) AND named.type IN ('done', 'dead')
  ), kept AS (
    INSERT INTO novita_webhooks.finished_entries (id, state, attempts, succeeded_handlers, reason, finished_at)
    SELECT id, type, attempts, united, reason, clock_timestamp()
    FROM named WHERE type IN ('done', 'dead')
  ), waiting AS (
    UPDATE novita_webhooks.pending_entries
    SET fencing_token = NULL,
        due_at = clock_timestamp() + named."delayMs" * interval '1 millisecond',
        attempts = pending_entries.attempts - CASE named.type WHEN 'released' THEN 1 ELSE 0 END,
        reason = CASE named.type WHEN 'released' THEN named.reason_before ELSE named.reason END,
        succeeded_handlers = named.united
    FROM named WHERE pending_entries.id = ANY (ARRAY[named.id]) AND named.type IN ('retry', 'released')
  )
  SELECT n FROM named;
END $$;
`;
