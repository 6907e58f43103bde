import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

import { validate, WebhookError } from '@novita-webhooks/core';
import * as z from 'zod';

import {
  openFileConnections,
  wrapCallerConnection,
  type Connections,
} from './connection/connections.ts';
import { DRIVERS, filePathOf, type SqliteDatabase, type SqliteDriver } from './driver/driver.ts';
import { findDriver } from './driver/find-driver.ts';

/** Which database the inbox uses, and how long it waits for a lock. */
export interface DatabaseOptions<Database extends SqliteDatabase = SqliteDatabase> {
  /** The database file; created if it does not exist. Its folder must exist. */
  readonly path?: string | undefined;
  /** The library that opens the file. Default: the first one found, in this order. */
  readonly driver?: SqliteDriver | undefined;
  /** An open connection instead of `path`. The caller closes it. */
  readonly database?: Database | undefined;
  /** How long to wait for another connection's lock, in milliseconds; default 3 s. */
  readonly busyTimeoutMs?: number | undefined;
}

const FILE_NAME = 'must be the name of a file';
const POSITIVE_NUMBER = 'must be a number of milliseconds above 0';

const pathSchema = z
  .string(FILE_NAME)
  .refine((path) => path !== '' && !path.includes('\0'), FILE_NAME)
  .refine(
    (path) => path !== ':memory:' && !path.startsWith('file:'),
    `${FILE_NAME}, not a URI. For an inbox in memory, use memoryInbox()`,
  )
  .refine(
    (path) => !path.startsWith('sqlite:'),
    `${FILE_NAME}, without sqlite:, which an address of the command line has`,
  )
  .refine((path) => path === path.trim(), 'must have no white space around it');

const schema = z
  .object({
    path: pathSchema.optional(),
    driver: z.enum(DRIVERS, `must be one of ${DRIVERS.join(', ')}`).optional(),
    database: z.unknown().optional(),
    busyTimeoutMs: z.number(POSITIVE_NUMBER).positive(POSITIVE_NUMBER).optional(),
  })
  .refine(
    ({ path, database }) => (path === undefined) !== (database === undefined),
    'pass either path, the name of a file, or database, an open connection',
  );

/**
 * Opens no file: that happens at the first use.
 *
 * @throws WebhookError `invalid_option`
 */
export function openConnections(options: DatabaseOptions): Connections {
  const checked = validate(schema, options);
  if ('fault' in checked) throw invalidOption(`${checked.fault}.`);
  const { path, driver, database } = options;
  if (path !== undefined) {
    return openFileConnections(resolveLinks(resolve(path)), findDriver(driver));
  }
  checkCallerConnection(database);
  const file = filePathOf(database);
  if (file === '') throw invalidOption('database: is in memory. Use memoryInbox().');
  return wrapCallerConnection(file, database);
}

/** Resolves symbolic links, because SQLite puts the -wal file beside the target of a link. */
function resolveLinks(path: string): string {
  try {
    const folder = realpathSync(dirname(path));
    const file = join(folder, basename(path));
    const isLink = lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
    return isLink ? resolveLinks(resolve(folder, readlinkSync(file))) : file;
  } catch {
    return path; // its folder does not exist yet
  }
}

function checkCallerConnection(
  database: SqliteDatabase | undefined,
): asserts database is SqliteDatabase {
  let row: unknown;
  try {
    [row] = database?.prepare('SELECT 1 AS number, :text AS text').all({ text: '' }) ?? [];
  } catch (cause) {
    throw invalidOption(UNUSABLE_CONNECTION, cause);
  }
  const number = (row as { number?: unknown } | undefined)?.number;
  if (number !== 1) throw invalidOption(UNUSABLE_CONNECTION);
}

const UNUSABLE_CONNECTION =
  'database: is not usable. Pass an open connection of node:sqlite, better-sqlite3 or ' +
  'libsql that binds parameters by their bare names, and returns rows as objects and numbers as ' +
  'numbers, not as BigInt.';

function invalidOption(message: string, cause?: unknown): WebhookError {
  return new WebhookError('invalid_option', `inbox-sqlite: ${message}`, { cause });
}
