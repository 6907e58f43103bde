import { resolve } from 'node:path';

import { isWebhookError, WebhookError } from '@novita-webhooks/core';

import { pathOf } from './connection.ts';
import { connectedTo, connectTo, type Connections } from './connections.ts';
import { DRIVERS, findDriver, type SqliteDatabase, type SqliteDriver } from './driver.ts';

/** Which database, and how patient to be with it. */
export interface DatabaseOptions<Database extends SqliteDatabase = SqliteDatabase> {
  /** The file; made where there is none. Its folder has to exist. */
  readonly path?: string | undefined;
  /** The library to open it with. Default: the first that is there, in this order. */
  readonly driver?: SqliteDriver | undefined;
  /** Instead of `path`: a connection that you have opened, and close yourself. */
  readonly database?: Database | undefined;
  /** How long to wait for a lock that another process holds, in milliseconds; default 3 s. */
  readonly busyMs?: number | undefined;
}

/** @throws WebhookError `invalid_option` */
export function toConnections(options: DatabaseOptions): Connections {
  const { path, driver, database, busyMs } = options;
  if (busyMs !== undefined && !(typeof busyMs === 'number' && busyMs > 0)) {
    throw invalid('busyMs must be a number above 0');
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
  const connections = connectTo(resolve(path), findDriver(driver));
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
  if (typeof database !== 'object' || typeof database.prepare !== 'function') {
    throw invalid('database must be a connection of node:sqlite, better-sqlite3 or libsql');
  }
  const path = pathOf(database);
  if (path === '') throw invalid('database is in memory; memoryInbox() does that better');
  return connectedTo(path, database);
}

function invalid(message: string): WebhookError {
  return new WebhookError('invalid_option', `sqliteInbox: ${message}`);
}
