/** The methods of a prepared statement that the inbox calls. */
export interface SqliteStatement {
  run(...params: unknown[]): { readonly changes: number | bigint };
  get(...params: unknown[]): unknown;
  all(...params: unknown[]): unknown[];
}

/**
 * The methods of a connection that the inbox calls. Connections of `node:sqlite`, `better-sqlite3`
 * and `libsql` have them.
 */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  close(): unknown;
}

/** The supported SQLite libraries, in the order in which the inbox looks for them. */
export const DRIVERS = ['node:sqlite', 'better-sqlite3', 'libsql'] as const;

/** A supported SQLite library. */
export type SqliteDriver = (typeof DRIVERS)[number];

/** Opens a database file; creates it if it does not exist. Throws the error of the driver. */
export type OpenDatabase = (path: string) => SqliteDatabase;

/** Ends the open transaction, if there is one. Never throws. */
export function rollBack(database: SqliteDatabase): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    // SQLite has already rolled back, or no transaction was open.
  }
}

/** Returns the absolute path of a database's file; `''` for a database in memory. */
export function filePathOf(database: SqliteDatabase): string {
  const rows = database.prepare('PRAGMA database_list').all() as { name: string; file: string }[];
  return rows.find(({ name }) => name === 'main')?.file ?? '';
}
