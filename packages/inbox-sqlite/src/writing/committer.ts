import { PermanentError } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import type { Connections } from '../connection/connections.ts';
import { rollBack, type SqliteDatabase } from '../driver/driver.ts';
import { explain, stuck, troubleOf } from '../errors.ts';

/** Something to do within a transaction. Synchronous: SQLite has one writer, and it is this. */
export type Operation<T> = (connection: Connection) => T;

/** Thrown by an operation to undo what it did, and to have its promise reject with the cause. */
export class RolledBack extends Error {
  constructor(cause: unknown) {
    super('rolled back', { cause });
  }
}

/** An operation, and who waits for it. */
export interface Job {
  readonly operation: Operation<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Does jobs in transactions, and answers them once they are on disk. */
export interface Committer<J extends Job> {
  /**
   * In one transaction, or each in its own if one of them cannot be done.
   *
   * @returns those that somebody else's lock kept from being done; all others are answered
   */
  commit(group: readonly J[]): Promise<Locked<J>>;
  reject(jobs: readonly J[], error: unknown): void;
}

interface Locked<J> {
  readonly locked: readonly J[];
  readonly error?: unknown;
}

export function createCommitter<J extends Job>(connections: Connections): Committer<J> {
  function reject(jobs: readonly J[], error: unknown): void {
    const reason = error instanceof RolledBack ? error.cause : explain(connections.path, error);
    for (const job of jobs) job.reject(reason);
  }

  async function commitAll(group: readonly J[]): Promise<void> {
    const connection = connections.get();
    let results: readonly unknown[];
    try {
      results = inTransaction(connection, () => group.map((job) => job.operation(connection)));
    } catch (error) {
      throw connections.failed(connection, error);
    }
    await acknowledge(connection, group, results);
  }

  /** Not before it is on disk, a duplicate neither: somebody else may just have written the first. */
  async function acknowledge(
    connection: Connection,
    group: readonly J[],
    results: readonly unknown[],
  ): Promise<void> {
    try {
      await connection.synced();
      for (const [index, { resolve }] of group.entries()) resolve(results[index]);
    } catch (error) {
      connections.notSynced(connection, error);
      reject(group, error);
    }
  }

  async function commit(group: readonly J[]): Promise<Locked<J>> {
    try {
      await commitAll(group);
    } catch (error) {
      const trouble = troubleOf(error);
      if (trouble === 'busy') return { locked: group, error };
      if (trouble === 'other' && group.length > 1) return commitEach(group);
      reject(group, error);
    }
    return { locked: [] };
  }

  /** One operation that cannot be done does not take the others with it. */
  async function commitEach(group: readonly J[]): Promise<Locked<J>> {
    for (const [index, job] of group.entries()) {
      const { locked, error } = await commit([job]);
      if (locked.length > 0) return { locked: group.slice(index), error };
    }
    return { locked: [] };
  }

  return { commit, reject };
}

/** By `exec`: a prepared BEGIN that found a lock stays in progress with libsql, and no VACUUM can be. */
function inTransaction<T>({ database, guard, checkVersion }: Connection, work: () => T): T {
  guard.check();
  database.exec('BEGIN IMMEDIATE');
  try {
    checkVersion();
    const result = work();
    end(database);
    guard.check();
    return result;
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

/** What fails here is no lock of somebody else's: BEGIN has had it. */
function end(database: SqliteDatabase): void {
  try {
    database.exec('COMMIT');
  } catch (error) {
    if (String(error).includes('no transaction is active')) {
      throw new RolledBack(new PermanentError(ENDED_INSIDE, { cause: error }));
    }
    throw troubleOf(error) === 'busy' ? stuck(error) : error;
  }
}

const ENDED_INSIDE =
  'context.transaction: the transaction was ended inside the function; what came after that was ' +
  'written all the same';
