import { createRequire } from 'node:module';
import { isAbsolute } from 'node:path';

import { WebhookError } from '@novita-webhooks/core';

import { DRIVERS, type OpenDatabase, type SqliteDatabase, type SqliteDriver } from './driver.ts';

type DatabaseClass = new (path: string) => SqliteDatabase;

/**
 * Loads the first SQLite library that works.
 *
 * @param wanted the only library to try
 * @throws WebhookError `invalid_option` when none can be loaded; its message says what to install
 */
export function findDriver(wanted?: SqliteDriver): OpenDatabase {
  const reasons: string[] = [];
  for (const name of wanted === undefined ? DRIVERS : [wanted]) {
    try {
      return loadDriver(name);
    } catch (error) {
      reasons.push(`${name}: ${firstLineOf(error)}`);
    }
  }
  const cause = new Error(reasons.join('; '));
  cause.stack = String(cause); // else the console prints a stack for each library
  throw new WebhookError('invalid_option', `inbox-sqlite: ${installHint(wanted)}`, { cause });
}

/** Node adds a list of files to the message. */
function firstLineOf(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
}

function loadDriver(name: SqliteDriver): OpenDatabase {
  const Database = name === 'node:sqlite' ? loadBuiltIn() : loadInstalled(name);
  new Database(':memory:').close(); // some libraries load their binary only now
  return (path) => new Database(path);
}

/** Avoids `import`: bundlers and older versions of Node do not know this module. */
function loadBuiltIn(): DatabaseClass {
  const sqlite = process.getBuiltinModule('node:sqlite');
  if (sqlite === undefined) throw new Error(`Node ${process.version} has no node:sqlite`);
  return (sqlite as { DatabaseSync: DatabaseClass }).DatabaseSync;
}

/** Resolves from this package, where package managers put peers; then from the application. */
function loadInstalled(name: string): DatabaseClass {
  try {
    return requireDriver(name, createRequire(thisFile()));
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw error;
    return requireDriver(name, createRequire(appFolder()));
  }
}

/**
 * The CommonJS build has no `import.meta.url`. The ES module build has no `__filename` of its own, and
 * `node -e` defines a global one, `[eval]`. A bundler may leave neither.
 */
function thisFile(): string {
  const { url } = import.meta as { url?: string };
  return (
    url ?? (typeof __filename === 'string' && isAbsolute(__filename) ? __filename : appFolder())
  );
}

/** `createRequire` needs the slash at the end. */
const appFolder = (): string => `${process.cwd()}/`;

/** Checks the required Node version first: better-sqlite3 13 crashes the process on Node 20. */
function requireDriver(name: string, require: NodeJS.Require): DatabaseClass {
  const [, minMajor = '0'] = /^>=\s*(\d+)/.exec(requiredNode(name, require)) ?? [];
  if (Number.parseInt(process.versions.node) < Number(minMajor)) {
    throw new Error(`the installed ${name} requires Node ${minMajor} or later`);
  }
  return require(name) as DatabaseClass;
}

/** Returns the `engines.node` of an installed package; `''` if it is unknown. */
function requiredNode(name: string, require: NodeJS.Require): string {
  try {
    const { engines } = require(`${name}/package.json`) as { engines?: { node?: string } };
    return engines?.node ?? '';
  } catch {
    return '';
  }
}

function installHint(wanted: SqliteDriver | undefined): string {
  if (wanted === 'node:sqlite') {
    return `Node ${process.version} has no node:sqlite. Use Node 22.13 or later.`;
  }
  if (wanted !== undefined) {
    return `cannot load ${wanted}. Run \`npm install ${wanted}\`. ${WHEN_BUNDLED}`;
  }
  return (
    `found no SQLite library, and Node ${process.version} has none built in. Run ` +
    '`npm install libsql` (needs no compiler) or `npm install better-sqlite3` (a version for this ' +
    `Node), or use Node 22.13 or later. ${WHEN_BUNDLED}`
  );
}

const WHEN_BUNDLED =
  'If it is installed but a bundler or the file tracing of Next.js left it out of the deployment, import ' +
  'the library yourself and pass `database: new Database(path)`, or name it in ' +
  'outputFileTracingIncludes.';
