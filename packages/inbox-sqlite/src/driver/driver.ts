import { createRequire } from 'node:module';

import { WebhookError } from '@novita-webhooks/core';

/** What is used of a prepared statement. */
export interface SqliteStatement {
  run(...params: unknown[]): { readonly changes: number | bigint };
  get(...params: unknown[]): unknown;
  all(...params: unknown[]): unknown[];
}

/** What is used of a connection: `node:sqlite`, `better-sqlite3` and `libsql` all have it. */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  close(): unknown;
}

/** The SQLite libraries that are known to work. */
export type SqliteDriver = (typeof DRIVERS)[number];

/** In the order in which they are looked for. */
export const DRIVERS = ['node:sqlite', 'better-sqlite3', 'libsql'] as const;

/** Opens a file, and makes it where there is none. Throws what the driver throws. */
export type OpenDatabase = (path: string) => SqliteDatabase;

type DatabaseClass = new (path: string) => SqliteDatabase;

/**
 * Looks for a SQLite library.
 *
 * @param wanted the only one to consider
 * @throws WebhookError `invalid_option` when there is none, saying what to install
 */
export function findDriver(wanted?: SqliteDriver): OpenDatabase {
  const causes: unknown[] = [];
  for (const name of wanted === undefined ? DRIVERS : [wanted]) {
    try {
      return load(name);
    } catch (error) {
      causes.push(error);
    }
  }
  const cause = new AggregateError(causes, causes.map(String).join('; '));
  throw new WebhookError('invalid_option', `sqliteInbox: ${adviceFor(wanted)}`, { cause });
}

function load(name: SqliteDriver): OpenDatabase {
  const Database = name === 'node:sqlite' ? builtIn() : installed(name);
  new Database(':memory:').close(); // some find out only now that they have no binary
  return (path) => new Database(path);
}

/** Not by `import`: bundlers and older Nodes do not know this module. */
function builtIn(): DatabaseClass {
  const sqlite = process.getBuiltinModule('node:sqlite');
  if (sqlite === undefined) throw new Error(`Node ${process.version} has no node:sqlite`);
  return (sqlite as { DatabaseSync: DatabaseClass }).DatabaseSync;
}

/** From here first, which is where a package manager puts peers; else from the application. */
function installed(name: string): DatabaseClass {
  // The CommonJS build has no import.meta, and the other one no __filename.
  const fromHere = createRequire(typeof __filename === 'string' ? __filename : import.meta.url);
  try {
    return loadFor(name, fromHere);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw error;
    return loadFor(name, createRequire(`${process.cwd()}/`));
  }
}

/** better-sqlite3 13 on Node 20 does not throw but ends the process: its wish comes first. */
function loadFor(name: string, load: NodeJS.Require): DatabaseClass {
  const [, least = '0'] = /^>=\s*(\d+)/.exec(wishOf(name, load)) ?? [];
  if (Number.parseInt(process.versions.node) < Number(least)) {
    throw new Error(`the installed ${name} is for Node ${least} and later`);
  }
  return load(name) as DatabaseClass;
}

/** The Node that a package says it is for; `''` where that is not to be found out. */
function wishOf(name: string, load: NodeJS.Require): string {
  try {
    const { engines } = load(`${name}/package.json`) as { engines?: { node?: string } };
    return engines?.node ?? '';
  } catch {
    return '';
  }
}

function adviceFor(wanted: SqliteDriver | undefined): string {
  if (wanted === 'node:sqlite') {
    return `this Node (${process.version}) has no node:sqlite; Node 22.13 has it`;
  }
  if (wanted !== undefined) return `${wanted} cannot be loaded; run \`npm install ${wanted}\``;
  return (
    `no SQLite library was found, and Node ${process.version} has none built in. Run ` +
    '`npm install libsql` (needs no compiler) or `npm install better-sqlite3` (a version for this ' +
    'Node), or use Node 22.13 or later'
  );
}

/** After this no transaction is open, whether there was one or not. */
export function rollBack(database: SqliteDatabase): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    // SQLite has rolled back by itself, or there is nothing left to roll back.
  }
}
