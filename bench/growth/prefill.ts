import Database from 'libsql';

import type { EventTemplate } from '../lib/event-template.ts';

export interface PrefillOptions {
  /** A file with the tables of the store. */
  readonly path: string;
  readonly entries: number;
  readonly endpoint: string;
  /** When the last entry was finished. The others are 1 ms apart before it. */
  readonly until: number;
  readonly template: EventTemplate;
  /** Number of dead letters, evenly spread, of three kinds. */
  readonly deadLetters?: number;
}

const ENTRIES_PER_TRANSACTION = 50_000;

/** More than one page. */
const DEAD_LETTERS = 200;

/** `:before` entries exist, `:count` are added. */
const INSERT_ENTRIES = `
WITH RECURSIVE numbers(n) AS (
  SELECT :before + 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :before + :count
)
INSERT INTO novita_entries (endpoint, task_id, state, attempts, succeeded_handlers, reason, error_group,
                            finished_at, attempt_log)
SELECT :endpoint, uuid, CASE WHEN dead THEN 'dead' ELSE 'done' END, 1, '[]',
       CASE WHEN dead THEN replace(kind, '<n>', n) END, CASE WHEN dead THEN kind END, :since + n,
       json_array(json_object('attempt', 1, 'startedAt', :since + n, 'durationMs', 12, 'outcome',
         CASE WHEN dead THEN 'dead' ELSE 'done' END, 'trigger', 'delivery', 'errors', json_array()))
FROM (
  SELECT *, CASE n / :deadInterval % 3 WHEN 0 THEN 'the bucket is gone' WHEN 1 THEN 'HTTP <n>'
                                       ELSE 'order <n> is unknown' END AS kind
  FROM (
  SELECT n, n % :deadInterval = 0 AS dead,
         substr(hex, 1, 8) || '-' || substr(hex, 9, 4) || '-4' || substr(hex, 14, 3) || '-a' ||
         substr(hex, 18, 3) || '-' || substr(hex, 21, 12) AS uuid
  FROM (SELECT n, lower(hex(randomblob(16))) AS hex FROM numbers)
))`;

const INSERT_EVENTS = `
INSERT INTO novita_events (id, status, task_type, body, schema_error, metadata, test_mode, received_at,
                           source)
SELECT id, 'TASK_STATUS_SUCCEED', 'TXT_TO_IMG', replace(:body, ':id', task_id), NULL,
       json_object('orderId', id, 'tenant', 'acme'), 0, finished_at - 100, 'delivery'
FROM novita_entries WHERE id > :before`;

/** Writes finished entries in the format of the store, but faster than the store can. */
export function prefill(options: PrefillOptions): void {
  const { path, entries, endpoint, until, template, deadLetters = DEAD_LETTERS } = options;
  const database = new Database(path);
  database.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -524288');
  const insertEntries = database.prepare(INSERT_ENTRIES);
  const insertEvents = database.prepare(INSERT_EVENTS);
  const deadInterval = Math.max(1, Math.floor(entries / deadLetters));
  const body = template.parts.join(':id');
  for (let before = 0; before < entries; before += ENTRIES_PER_TRANSACTION) {
    const count = Math.min(ENTRIES_PER_TRANSACTION, entries - before);
    database.exec('BEGIN IMMEDIATE');
    insertEntries.run({ before, count, endpoint, deadInterval, since: until - entries });
    insertEvents.run({ before, body });
    database.exec('COMMIT');
  }
  database.exec('PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
}
