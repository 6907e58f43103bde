/**
 * Creates the tables. Payload and state are separate: a change of state rewrites a small row and not
 * the body. The key is a rowid in order of arrival: task ids are random, and a table clustered by
 * them would be rewritten all over. See docs/decisions/0012.
 */
export const entriesAndEvents: string = `
-- The bodies are last: a search that needs none reads none of their pages.
CREATE TABLE novita_events (
  id            INTEGER PRIMARY KEY,
  status        TEXT    NOT NULL,
  task_type     TEXT    NOT NULL,
  schema_error  TEXT,
  test_mode     INTEGER NOT NULL,
  received_at   INTEGER NOT NULL,
  source        TEXT    NOT NULL,
  traceparent   TEXT,
  token_id      TEXT,
  metadata      TEXT    NOT NULL,
  body          TEXT    NOT NULL,
  original_body TEXT
) STRICT;

-- For stats(). A result takes the place of its expectation, so these are few.
CREATE INDEX novita_events_expected ON novita_events (id) WHERE source = 'expectation';

-- A token for one task is in one entry only. Such ids begin with 'once:'.
CREATE UNIQUE INDEX novita_events_token ON novita_events (token_id)
WHERE token_id >= 'once:' AND token_id < 'once;';

CREATE TABLE novita_entries (
  id                 INTEGER PRIMARY KEY AUTOINCREMENT,
  endpoint           TEXT    NOT NULL,
  task_id            TEXT    NOT NULL,
  state              TEXT    NOT NULL,
  attempts           INTEGER NOT NULL DEFAULT 0,
  succeeded_handlers TEXT    NOT NULL DEFAULT '[]',
  reason             TEXT,
  due_at             INTEGER,
  finished_at        INTEGER,
  fencing_token      TEXT,
  -- Whether a claim has found the lease expired since it was last extended.
  is_overdue         INTEGER NOT NULL DEFAULT 0,
  -- Number of replays. With the id it identifies a series of attempts.
  replays            INTEGER NOT NULL DEFAULT 0,
  -- The reason without numbers, ids and addresses.
  error_group        TEXT,
  partial_replay     TEXT,
  attempt_log        TEXT    NOT NULL DEFAULT '[]'
) STRICT;

CREATE UNIQUE INDEX novita_entries_key ON novita_entries (task_id, endpoint);

-- Partial indexes: a million done entries do not slow down a claim.
CREATE INDEX novita_entries_due ON novita_entries (endpoint, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX novita_entries_finished ON novita_entries (state, finished_at) WHERE finished_at IS NOT NULL;
-- For lists and counts by state. Most entries are done, so a list of those reads from the end of the table.
CREATE INDEX novita_entries_state ON novita_entries (state) WHERE state <> 'done';

-- Maps the monotonic clock of the machine to the time of due times. One row. See docs/decisions/0026.
CREATE TABLE novita_clock (
  id        INTEGER PRIMARY KEY CHECK (id = 1),
  boot_id   TEXT NOT NULL,
  -- What to add to the monotonic clock, and the latest time that was stored, both in milliseconds.
  offset_ms REAL NOT NULL,
  seen_at   REAL NOT NULL
) STRICT;

-- Counts the done entries for stats(). The others are few, and the index over states counts them.
CREATE TABLE novita_done_count (
  id      INTEGER PRIMARY KEY CHECK (id = 1),
  entries INTEGER NOT NULL
) STRICT;
INSERT INTO novita_done_count VALUES (1, 0);

CREATE TRIGGER novita_entries_inserted AFTER INSERT ON novita_entries WHEN new.state = 'done' BEGIN
  UPDATE novita_done_count SET entries = entries + 1;
END;

CREATE TRIGGER novita_entries_moved AFTER UPDATE OF state ON novita_entries
WHEN (old.state = 'done') <> (new.state = 'done') BEGIN
  UPDATE novita_done_count SET entries = entries + (new.state = 'done') - (old.state = 'done');
END;

CREATE TRIGGER novita_entries_deleted AFTER DELETE ON novita_entries BEGIN
  UPDATE novita_done_count SET entries = entries - 1 WHERE old.state = 'done';
  DELETE FROM novita_events WHERE id = old.id;
END;
`;
