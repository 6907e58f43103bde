// What other code on a connection can leave behind for the statements of the inbox.
import type { SqliteDatabase } from '../driver/driver.ts';

type All = (sql: string) => unknown[];

/** What changes how the inbox reads, writes, waits or locks. Values are numbers or one word. */
const SETTINGS = [
  ...['busy_timeout', 'cache_size', 'checkpoint_fullfsync', 'defer_foreign_keys', 'foreign_keys'],
  ...['fullfsync', 'ignore_check_constraints', 'journal_size_limit', 'locking_mode'],
  ...['max_page_count', 'query_only', 'recursive_triggers', 'reverse_unordered_selects'],
  ...['secure_delete', 'synchronous', 'writable_schema'],
];
const READ_SETTINGS = `SELECT ${SETTINGS.map((name) => `(SELECT * FROM pragma_${name}) AS ${name}`).join()}`;

type Settings = Readonly<Record<string, unknown>>;

/**
 * Reads the settings of a connection before other code gets it.
 *
 * @returns a function that restores those which have changed
 */
export function keepSettings(database: SqliteDatabase, all: All): () => void {
  const [before] = all(READ_SETTINGS) as Settings[];
  return () => {
    const [after] = all(READ_SETTINGS) as Settings[];
    for (const name of SETTINGS) {
      if (after?.[name] !== before?.[name])
        database.exec(`PRAGMA ${name} = ${String(before?.[name])}`);
    }
  };
}

/** Of temporary tables, views and triggers, those that stand in for ours or change what is written to them. */
const SELECT_TEMPORARY = `
SELECT type, name FROM sqlite_temp_master
WHERE type <> 'index' AND substr(lower(tbl_name), 1, 7) = 'novita_'`;

/** Drops them: an insert would store nothing, although it reports no error. A table takes its triggers with it. */
export function dropTemporary(database: SqliteDatabase, all: All): void {
  for (const { type, name } of all(SELECT_TEMPORARY) as { type: string; name: string }[]) {
    database.exec(`DROP ${type} IF EXISTS temp."${name.replaceAll('"', '""')}"`);
  }
}
