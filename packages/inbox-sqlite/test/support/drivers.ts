import type { SqliteDatabase, SqliteDriver } from '@novita-webhooks/inbox-sqlite';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** A SQLite library that the tests run on, or would. */
export interface DriverUnderTest {
  readonly name: SqliteDriver;
  /** Why it is not there; `null` when it is. */
  readonly missing: string | null;
  /** Calls something that looks for the driver, from where it is found. */
  use<T>(work: () => T): T;
  /** A connection past our own code. */
  open(path: string): SqliteDatabase;
}

/** Where `scripts/fetch-driver.mjs` has put better-sqlite3, which is in no package.json here. */
export const betterSqliteFolder: string | undefined = process.env['TEST_BETTER_SQLITE3'];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const isStrict = [process.env['CI'], process.env['REQUIRE_SERVICES']].some(Boolean);

/** Node 22.13 and later have `node:sqlite` without a flag. */
export const hasBuiltIn: boolean = major > 22 || (major === 22 && minor >= 13);
/** better-sqlite3 13; on an older Node it ends the process with a segmentation fault. */
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

function opener(name: SqliteDriver): (path: string) => SqliteDatabase {
  const from = name === 'better-sqlite3' ? betterSqliteFolder : undefined;
  const require = createRequire(from === undefined ? import.meta.url : join(from, 'package.json'));
  return (path) => {
    const loaded = require(name) as { DatabaseSync: new (path: string) => SqliteDatabase };
    const Database = name === 'node:sqlite' ? loaded.DatabaseSync : loaded;
    return new (Database as typeof loaded.DatabaseSync)(path);
  };
}

const known: Readonly<Record<SqliteDriver, DriverUnderTest>> = {
  libsql: { name: 'libsql', missing: null, use: inPlace, open: opener('libsql') },
  'better-sqlite3': {
    name: 'better-sqlite3',
    missing: whyNoBetterSqlite(),
    use: (work) => inFolder(betterSqliteFolder ?? '.', work),
    open: opener('better-sqlite3'),
  },
  'node:sqlite': {
    name: 'node:sqlite',
    missing: hasBuiltIn ? null : `Node ${process.version} has none; 22.13 and later have it`,
    use: inPlace,
    open: opener('node:sqlite'),
  },
};

function whyNoBetterSqlite(): string | null {
  if (!runsBetterSqlite) return `it needs Node 22, and this is ${process.version}`;
  return betterSqliteFolder === undefined ? 'TEST_BETTER_SQLITE3 does not say where it is' : null;
}

const drivers: readonly DriverUnderTest[] = Object.values(known);

export const presentDrivers: readonly DriverUnderTest[] = drivers.filter(
  ({ missing }) => missing === null,
);

/** Says so aloud for each that is not there. Where no skip is allowed, one that this Node runs must be. */
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
