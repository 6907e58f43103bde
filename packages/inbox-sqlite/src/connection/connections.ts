import { WebhookError } from '@novita-webhooks/core';

import { rollBack, type OpenDatabase, type SqliteDatabase } from '../driver/driver.ts';
import { classifyError, type ErrorKind } from '../errors.ts';
import { checkpoint } from '../recovery/checkpoint.ts';
import { rejectDamagedFile } from '../recovery/integrity-checks.ts';
import { createCircuitBreaker, type CircuitBreaker } from './circuit-breaker.ts';
import { prepareConnection, type Connection } from './connection.ts';
import { createFileOpener } from './file-opener.ts';

/** Provides the current connection, and replaces it when it can no longer be used. */
export interface Connections {
  readonly path: string;
  /**
   * @throws the driver's error; `WebhookError` when the inbox is closed, or when a newer release
   * has migrated the file
   */
  get(): Connection;
  /**
   * Closes the connection if the failure is permanent on it, after recovering its files. Never
   * throws.
   *
   * @returns the error to report
   */
  handleFailure(connection: Connection, error: unknown): unknown;
  /** Closes the connection, because its committed transactions may not be on disk. */
  handleSyncFailure(connection: Connection, error: unknown): void;
  close(): void;
}

/** After these errors the current connection stays unusable, but a new one may work. */
const RECONNECT_AFTER: readonly ErrorKind[] = [
  'read-only',
  'corrupt',
  'io',
  'cannot-open',
  'files-changed',
  'commit-blocked',
  'left-open',
  'closed',
];

/** Shortest time between two attempts to open a file that cannot be used. */
const MIN_REOPEN_DELAY_MS = 250;

/** Longest time before the next attempt to open a locked file; random, so processes do not collide. */
const MAX_BUSY_DELAY_MS = 50;

/** Opens connections to a file, one at a time. */
export function openFileConnections(path: string, openDatabase: OpenDatabase): Connections {
  const opener = createFileOpener(path, openDatabase);
  const breaker = createCircuitBreaker();
  let current: Connection | undefined;
  let openedAt = 0;
  let isClosed = false;

  function connect(): Connection {
    if (isClosed) throw closedError();
    const connection = runThroughBreaker(breaker, opener.open);
    openedAt = performance.now();
    return connection;
  }

  function reconnectLater(error: unknown): void {
    // Some drivers keep closed connections until garbage collection, so their number is limited.
    const isNew = performance.now() - openedAt < MIN_REOPEN_DELAY_MS;
    if (isNew) breaker.open(error, MIN_REOPEN_DELAY_MS);
    disconnect();
  }

  function disconnect(): void {
    const previous = current;
    current = undefined;
    if (previous !== undefined) closeConnection(previous);
  }

  return {
    path,
    get: () => (current ??= connect()),
    handleFailure(connection, error) {
      const kind = classifyError(error);
      if (connection !== current || !RECONNECT_AFTER.includes(kind)) return error;
      try {
        if (kind === 'files-changed') runThroughBreaker(breaker, () => opener.recover(connection));
      } catch (recoveryError) {
        return recoveryError;
      }
      reconnectLater(error);
      return error;
    },
    handleSyncFailure(connection, error) {
      if (connection === current) reconnectLater(error);
    },
    close() {
      isClosed = true;
      try {
        if (current?.guard.detectChange() !== undefined) opener.recover(current);
        else if (current !== undefined) checkpoint(current.database); // moves all into one file
      } catch {
        // The -wal file keeps what the checkpoint could not move.
      }
      disconnect();
    },
  };
}

/** @throws what `work` throws; then throws the same error for a while without calling `work` */
function runThroughBreaker<T>(breaker: CircuitBreaker, work: () => T): T {
  breaker.check();
  const startedAt = performance.now();
  try {
    return work();
  } catch (error) {
    if (classifyError(error) === 'busy') breaker.open(error, Math.random() * MAX_BUSY_DELAY_MS);
    else breaker.open(error, MIN_REOPEN_DELAY_MS, performance.now() - startedAt);
    throw error;
  }
}

function closeConnection({ release, database }: Connection): void {
  release();
  rollBack(database); // libsql keeps the lock of an open transaction until garbage collection
  try {
    database.close();
  } catch {
    // Some drivers cannot close a connection with a running statement; it closes with the process.
  }
}

function closedError(): WebhookError {
  return new WebhookError('closing', 'inbox-sqlite: the inbox is closed. Create a new one.');
}

/** Uses the one connection that the caller has opened and closes itself. */
export function wrapCallerConnection(path: string, database: SqliteDatabase): Connections {
  let current: Connection | undefined;
  let isClosed = false;

  function release(): void {
    current?.release();
    current = undefined;
  }

  return {
    path,
    get() {
      if (isClosed) throw closedError();
      return (current ??= prepareConnection(database, false));
    },
    handleFailure(connection, error) {
      // Only the caller can open a new connection. This one still works after a VACUUM.
      if (connection !== current || connection.guard.detectChange() !== 'truncated') return error;
      try {
        rejectDamagedFile(database);
        release();
        return error;
      } catch (integrityError) {
        return integrityError;
      }
    },
    handleSyncFailure(connection) {
      if (connection === current) release();
    },
    close() {
      isClosed = true;
      release();
    },
  };
}
