import type { SqliteDatabase, SqliteDriver } from '@novita-webhooks/inbox-sqlite';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** A SQLite library that the tests run on, if it is installed. */
export interface DriverUnderTest {
  readonly name: SqliteDriver;
  /** Why it is not available; `null` if it is. */
  readonly missing: string | null;
  /** Calls a function in the working folder from which the driver can be loaded. */
  use<T>(work: () => T): T;
  /** Opens a connection without code of the package. */
  open(path: string): SqliteDatabase;
}

/** Folder of better-sqlite3 from `scripts/fetch-driver.mjs`; no package.json lists it. */
export const betterSqliteFolder: string | undefined = process.env['TEST_BETTER_SQLITE3'];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const isStrict = [process.env['CI'], process.env['REQUIRE_SERVICES']].some(Boolean);

/** Node 22.13 and later have `node:sqlite` without a flag. */
export const hasBuiltIn: boolean = major > 22 || (major === 22 && minor >= 13);
/** On older versions of Node, better-sqlite3 13 ends the process with a segmentation fault. */
export const runsBetterSqlite: boolean = major >= 22;

const inPlace = <T>(work: () => T): T => work();

function inFolder<T>(folder: string, work: () => T): T {
  const before = process.cwd();
  process.chdir(folder);
  try {
    return work();
  } finally {
    process.chdir(before);
  }
}

function createOpen(name: SqliteDriver): (path: string) => SqliteDatabase {
  const from = name === 'better-sqlite3' ? betterSqliteFolder : undefined;
  const require = createRequire(from === undefined ? import.meta.url : join(from, 'package.json'));
  return (path) => {
    const loaded = require(name) as { DatabaseSync: new (path: string) => SqliteDatabase };
    const Database = name === 'node:sqlite' ? loaded.DatabaseSync : loaded;
    return new (Database as typeof loaded.DatabaseSync)(path);
  };
}

const known: Readonly<Record<SqliteDriver, DriverUnderTest>> = {
  libsql: { name: 'libsql', missing: null, use: inPlace, open: createOpen('libsql') },
  'better-sqlite3': {
    name: 'better-sqlite3',
    missing: whyBetterSqliteIsMissing(),
    use: (work) => inFolder(betterSqliteFolder ?? '.', work),
    open: createOpen('better-sqlite3'),
  },
  'node:sqlite': {
    name: 'node:sqlite',
    missing: hasBuiltIn ? null : `Node ${process.version} has none; Node 22.13 and later do`,
    use: inPlace,
    open: createOpen('node:sqlite'),
  },
};

function whyBetterSqliteIsMissing(): string | null {
  if (!runsBetterSqlite) return `it needs Node 22; this is Node ${process.version}`;
  return betterSqliteFolder === undefined ? 'TEST_BETTER_SQLITE3 is not set' : null;
}

const drivers: readonly DriverUnderTest[] = Object.values(known);

export const presentDrivers: readonly DriverUnderTest[] = drivers.filter(
  ({ missing }) => missing === null,
);

/**
 * Prints a warning for each library that is missing. With `CI` or `REQUIRE_SERVICES` set, throws if
 * this Node could run it.
 */
export function reportMissing(what: string): void {
  for (const { name, missing } of drivers) {
    if (missing === null) continue;
    const message =
      `NOT TESTED: ${what} on ${name}: ${missing}. ` +
      '`npm run test:matrix` runs it on every Node, `npm run test:matrix -- --node 22` on one';
    if (isStrict && runsBetterSqlite) {
      const remedy = 'TEST_BETTER_SQLITE3=$(node scripts/fetch-driver.mjs) npm test';
      throw new Error(`${message}. Or: ${remedy}`);
    }
    console.warn(`\n  ⚠ ${message}\n`);
  }
}
