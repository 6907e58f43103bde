import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

import { isWebhookError, WebhookError } from '@novita-webhooks/core';

import { pathOf } from './connection/connection.ts';
import { connectedTo, connectTo, type Connections } from './connection/connections.ts';
import { DRIVERS, findDriver, type SqliteDatabase, type SqliteDriver } from './driver/driver.ts';

/** Which database, and how patient to be with it. */
export interface DatabaseOptions<Database extends SqliteDatabase = SqliteDatabase> {
  /** The file; made where there is none. Its folder has to exist. */
  readonly path?: string | undefined;
  /** The library to open it with. Default: the first that is there, in this order. */
  readonly driver?: SqliteDriver | undefined;
  /** Instead of `path`: a connection that you have opened, and close yourself. */
  readonly database?: Database | undefined;
  /** How long to wait for a lock that another process holds, in milliseconds; default 3 s. */
  readonly busyTimeoutMs?: number | undefined;
}

/** @throws WebhookError `invalid_option` */
export function toConnections(options: DatabaseOptions): Connections {
  const { path, driver, database, busyTimeoutMs } = options;
  if (busyTimeoutMs !== undefined && !(typeof busyTimeoutMs === 'number' && busyTimeoutMs > 0)) {
    throw invalid('busyTimeoutMs must be a number above 0');
  }
  if (driver !== undefined && !DRIVERS.includes(driver)) {
    throw invalid(`driver must be one of ${DRIVERS.join(', ')}`);
  }
  if ((path === undefined) === (database === undefined)) {
    throw invalid('pass either path, the name of a file, or database, an open connection');
  }
  return database === undefined ? toFile(path, driver) : toDatabase(database);
}

function toFile(path: unknown, driver: SqliteDriver | undefined): Connections {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw invalid('path must be the name of a file');
  }
  if (path === ':memory:' || path.startsWith('file:')) {
    throw invalid('path must be the name of a file, no URI; for memory take memoryInbox()');
  }
  if (path !== path.trim()) throw invalid('path must not begin or end with a space');
  return tried(connectTo(toRealPath(resolve(path)), findDriver(driver)));
}

/** The files beside it are beside what a link points to. */
function toRealPath(path: string): string {
  try {
    const folder = realpathSync(dirname(path));
    const file = join(folder, basename(path));
    const isLink = lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
    return isLink ? toRealPath(resolve(folder, readlinkSync(file))) : file;
  } catch {
    return path; // its folder is not there yet
  }
}

function tried(connections: Connections): Connections {
  try {
    connections.get();
  } catch (error) {
    // A mistake that only a person can mend is worth stopping for. A disk that is full, say, is
    // not: deliveries are answered 503 until it has room again.
    if (isWebhookError(error, 'invalid_option')) throw error;
  }
  return connections;
}

function toDatabase(database: SqliteDatabase): Connections {
  checkDatabase(database);
  const path = pathOf(database);
  if (path === '') throw invalid('database is in memory; memoryInbox() does that better');
  return tried(connectedTo(path, database));
}

function checkDatabase(database: SqliteDatabase | null): void {
  let answer: unknown;
  try {
    [answer] = database?.prepare('SELECT 1 AS number, :text AS text').all({ text: '' }) ?? [];
  } catch (cause) {
    throw invalid(`database ${WHAT_IT_HAS_TO_BE}`, cause);
  }
  const number = (answer as { number?: unknown } | undefined)?.number;
  if (number !== 1) throw invalid(`database ${WHAT_IT_HAS_TO_BE}`);
}

const WHAT_IT_HAS_TO_BE =
  'must be an open connection of node:sqlite, better-sqlite3 or libsql that takes parameters by ' +
  'their bare names, and returns rows as objects and numbers as numbers, not as BigInt';

function invalid(message: string, cause?: unknown): WebhookError {
  return new WebhookError('invalid_option', `sqliteInbox: ${message}`, { cause });
}
