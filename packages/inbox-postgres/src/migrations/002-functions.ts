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

const FENCE = 'n integer, id bigint, fence text, endpoint text, "taskId" text';

/** … with fences: the rows that they still give the right to, locked in one order. */
const held = (columns: string): string => `${given(`${FENCE}, ${columns}`)}, held AS MATERIALIZED (
    SELECT given.*, work.attempts, work.handled, work.reason AS reason_before
    FROM given
    JOIN novita_webhooks.work
      ON work.id = ANY (ARRAY[given.id]) AND work.fence IS NOT DISTINCT FROM given.fence
    JOIN novita_webhooks.events
      ON events.id = ANY (ARRAY[given.id])
      AND (events.task_id, events.endpoint) IS NOT DISTINCT FROM (given."taskId", given.endpoint)
    ORDER BY given.id
    FOR UPDATE OF work
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
      n integer, endpoint text, "taskId" text, status text, body text, drift text, metadata text,
      "testMode" boolean, "receivedAt" float8
    `)}, arrived AS (
    INSERT INTO novita_webhooks.events
      (endpoint, task_id, status, body, drift, metadata, test_mode, received_at)
    SELECT endpoint, "taskId", status, body, drift, metadata, "testMode",
           to_timestamp("receivedAt" / 1000)
    FROM given
    -- Sorted: two of these that have keys in common wait for each other in one order only.
    ORDER BY "taskId" COLLATE "C", endpoint COLLATE "C"
    ON CONFLICT (task_id, endpoint) DO NOTHING
    RETURNING id, endpoint, task_id
  ), begun AS (
    INSERT INTO novita_webhooks.work (id, endpoint, due_at)
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
  SELECT known.n, events.id IS NOT NULL AND events.drift IS NULL
  FROM known
  LEFT JOIN novita_webhooks.events
    ON events.task_id = ANY (ARRAY[known."taskId"])
    AND events.endpoint IS NOT DISTINCT FROM known.endpoint
  WHERE (SELECT count(*) FROM confirmed) = 1;
END $$;

CREATE FUNCTION novita_webhooks.claim(
  at_endpoint text, most integer, lease_ms float8, new_fence text
) RETURNS TABLE (
  id text, endpoint text, task_id text, status text, body text, drift text, metadata text,
  test_mode boolean, received_at float8, attempts integer, handled text, reason text, due_at float8
)
${KEPT} AS $$
#variable_conflict use_column
BEGIN
  -- Waiting and due, or running under a lease that has ended; what others are just taking is skipped.
  -- The time is a subquery: one for all rows, by which the index can be entered.
  RETURN QUERY WITH due AS MATERIALIZED (
    SELECT id, due_at FROM novita_webhooks.work
    WHERE endpoint = at_endpoint AND due_at <= (SELECT clock_timestamp())
    ORDER BY due_at, id + 0 LIMIT most
    FOR UPDATE SKIP LOCKED
  ), work AS (
    UPDATE novita_webhooks.work
    SET fence = new_fence, attempts = work.attempts + 1,
        due_at = clock_timestamp() + lease_ms * interval '1 millisecond'
    FROM due WHERE work.id = ANY (ARRAY[due.id])
    RETURNING work.*, due.due_at AS was_due_at
  )
  SELECT events.id::text, events.endpoint, events.task_id, events.status, events.body, events.drift,
         events.metadata, events.test_mode,
         round(extract(epoch FROM events.received_at) * 1000)::float8,
         work.attempts, to_json(work.handled)::text, work.reason,
         round(extract(epoch FROM work.due_at) * 1000)::float8
  FROM work JOIN novita_webhooks.events ON events.id = ANY (ARRAY[work.id])
  ORDER BY work.was_due_at, work.id;
END $$;

CREATE FUNCTION novita_webhooks.extend(input text) RETURNS SETOF integer
${KEPT} AS $$
BEGIN
  RETURN QUERY WITH ${held('"leaseMs" float8')}
  UPDATE novita_webhooks.work
  SET due_at = clock_timestamp() + held."leaseMs" * interval '1 millisecond'
  FROM held WHERE work.id = ANY (ARRAY[held.id])
  RETURNING held.n;
END $$;

CREATE FUNCTION novita_webhooks.settle(input text) RETURNS SETOF integer
${KEPT} AS $$
BEGIN
  RETURN QUERY WITH ${held('type text, "delayMs" float8, reason text, succeeded json')}, named AS MATERIALIZED (
    -- Within a series none that was handled is taken away.
    SELECT held.*, ARRAY(
      SELECT unnest(handled) UNION SELECT json_array_elements_text(succeeded)
    ) AS united
    FROM held
  ), ended AS (
    DELETE FROM novita_webhooks.work USING named
    WHERE work.id = ANY (ARRAY[named.id]) AND named.type IN ('done', 'dead')
  ), kept AS (
    INSERT INTO novita_webhooks.settled (id, state, attempts, handled, reason, settled_at)
    SELECT id, type, attempts, united, reason, clock_timestamp()
    FROM named WHERE type IN ('done', 'dead')
  ), waiting AS (
    UPDATE novita_webhooks.work
    SET fence = NULL,
        due_at = clock_timestamp() + named."delayMs" * interval '1 millisecond',
        attempts = work.attempts - CASE named.type WHEN 'released' THEN 1 ELSE 0 END,
        reason = CASE named.type WHEN 'released' THEN named.reason_before ELSE named.reason END,
        handled = named.united
    FROM named WHERE work.id = ANY (ARRAY[named.id]) AND named.type IN ('again', 'released')
  )
  SELECT n FROM named;
END $$;
`;
