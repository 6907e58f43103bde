import { WebhookError } from '@novita-webhooks/core';

import { checkpoint } from '../recovery/checkpoint.ts';
import { prepareConnection, type Connection } from './connection.ts';
import { refuseDamaged } from '../recovery/integrity-checks.ts';
import type { OpenDatabase, SqliteDatabase } from '../driver/driver.ts';
import { createOpener } from './file-opener.ts';
import { createPause } from './circuit-breaker.ts';
import { troubleOf, type Trouble } from '../errors.ts';

/** Hands out the connection, and makes a new one when the old one is of no use any more. */
export interface Connections {
  readonly path: string;
  /** @throws what the driver throws, `WebhookError` for a file from a newer version or when closed */
  get(): Connection;
  /**
   * Takes note of a failure: what cannot heal on this connection is given up. Never throws.
   *
   * @returns what to tell about it
   */
  failed(connection: Connection, error: unknown): unknown;
  /** Takes note that what was committed may not be on disk. */
  notSynced(connection: Connection, error: unknown): void;
  close(): void;
}

/** After these a new connection may work where the present one never will. */
const GIVE_UP: readonly Trouble[] = ['readonly', 'corrupt', 'io', 'unopened', 'lost', 'stuck'];

/** How long a file that is of no use is left alone, in milliseconds. */
const PAUSE_MS = 250;

/** A lock is soon free. Those who wait for it should not all come back at once. */
const BUSY_PAUSE_MS = 50;

/** Connections to a file that this package opens itself. */
export function connectTo(path: string, openDatabase: OpenDatabase): Connections {
  const opener = createOpener(path, openDatabase);
  const pause = createPause();
  let current: Connection | undefined;
  let openedAt = 0;
  let isClosed = false;

  /** @throws what `work` throws, and does not try again for a while */
  function carefully<T>(work: () => T): T {
    const startedAt = performance.now();
    if (pause.isOn()) throw pause.reason();
    try {
      return work();
    } catch (error) {
      if (troubleOf(error) === 'busy') pause.begin(error, Math.random() * BUSY_PAUSE_MS);
      else pause.begin(error, PAUSE_MS, performance.now() - startedAt);
      throw error;
    }
  }

  function connect(): Connection {
    if (isClosed) throw closed();
    const connection = carefully(opener.open);
    openedAt = performance.now();
    return connection;
  }

  function giveUp(error: unknown): void {
    // Some drivers keep what was closed until it is collected: there should not be many of them.
    if (performance.now() - openedAt < PAUSE_MS) pause.begin(error, PAUSE_MS);
    disconnect();
  }

  function disconnect(): void {
    const former = current;
    current = undefined;
    if (former !== undefined) dispose(former);
  }

  return {
    path,
    get: () => (current ??= connect()),
    failed(connection, error) {
      if (connection !== current || !GIVE_UP.includes(troubleOf(error))) return error;
      try {
        if (troubleOf(error) === 'lost') carefully(() => opener.makeGood(connection));
      } catch (reason) {
        return reason;
      }
      giveUp(error);
      return error;
    },
    notSynced(connection, error) {
      if (connection === current) giveUp(error);
    },
    close() {
      isClosed = true;
      try {
        if (current?.guard.loss() !== undefined) opener.makeGood(current);
        else if (current !== undefined) checkpoint(current.database); // all in the one file
      } catch {
        // What is in the -wal file is as safe there.
      }
      disconnect();
    },
  };
}

function dispose({ release, database }: Connection): void {
  release();
  try {
    database.close();
  } catch {
    // Some drivers do not close what is in the middle of something. It goes with the process.
  }
}

function closed(): WebhookError {
  return new WebhookError('closing', 'the inbox is closed');
}

/** The one connection that a caller has opened and will close. */
export function connectedTo(path: string, database: SqliteDatabase): Connections {
  let current: Connection | undefined;
  let isClosed = false;

  function disconnect(): void {
    current?.release();
    current = undefined;
  }

  return {
    path,
    get() {
      if (isClosed) throw closed();
      return (current ??= prepareConnection(database, false));
    },
    failed(connection, error) {
      // Only the caller can open another one, but for a file that was made smaller in good order.
      if (connection !== current || connection.guard.loss() !== 'cut') return error;
      try {
        refuseDamaged(database);
        disconnect();
        return error;
      } catch (reason) {
        return reason;
      }
    },
    notSynced(connection) {
      if (connection === current) disconnect();
    },
    close() {
      isClosed = true;
      disconnect();
    },
  };
}
