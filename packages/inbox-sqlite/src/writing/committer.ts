import type { Connection } from '../connection/connection.ts';
import type { Connections } from '../connection/connections.ts';
import { rollBack, type SqliteDatabase } from '../driver/driver.ts';
import { classifyError, commitBlockedError, isTransient, toInboxError } from '../errors.ts';

/** Work inside a transaction. Synchronous, because SQLite has one writer. */
export type Operation<T> = (connection: Connection) => T;

/** Thrown by an operation to undo its writes and to reject its promise with the cause. */
export class RollbackError extends Error {
  constructor(cause: unknown) {
    super('rolled back', { cause });
  }
}

/** An operation with the callbacks of its promise. */
export interface Job {
  readonly operation: Operation<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Runs jobs in transactions, and resolves them when they are on disk. */
export interface Committer<J extends Job> {
  /**
   * Runs a group of jobs in one transaction; if one of them fails, each in a transaction of its own.
   *
   * @returns the jobs that another connection's lock blocked; all other jobs are settled
   */
  commit(group: readonly J[]): Promise<BlockedJobs<J>>;
  reject(jobs: readonly J[], error: unknown): void;
}

interface BlockedJobs<J> {
  readonly blocked: readonly J[];
  readonly error?: unknown;
}

export function createCommitter<J extends Job>(connections: Connections): Committer<J> {
  function reject(jobs: readonly J[], error: unknown): void {
    const reason =
      error instanceof RollbackError ? error.cause : toInboxError(connections.path, error);
    for (const job of jobs) job.reject(reason);
  }

  async function commitTogether(group: readonly J[]): Promise<void> {
    const connection = connections.get();
    let results: readonly unknown[];
    try {
      results = runInTransaction(connection, () => group.map((job) => job.operation(connection)));
    } catch (error) {
      throw connections.handleFailure(connection, error);
    }
    await resolveAfterSync(connection, group, results);
  }

  /** Duplicates wait for the sync as well: another process may not have synced the first copy yet. */
  async function resolveAfterSync(
    connection: Connection,
    group: readonly J[],
    results: readonly unknown[],
  ): Promise<void> {
    try {
      await connection.sync();
      for (const [index, { resolve }] of group.entries()) resolve(results[index]);
    } catch (error) {
      connections.handleSyncFailure(connection, error);
      reject(group, error);
    }
  }

  async function commit(group: readonly J[]): Promise<BlockedJobs<J>> {
    try {
      await commitTogether(group);
    } catch (error) {
      if (isTransient(error)) return { blocked: group, error };
      if (classifyError(error) === 'other' && group.length > 1) return commitSeparately(group);
      reject(group, error);
    }
    return { blocked: [] };
  }

  /** Isolates a failing operation from the others in its group. */
  async function commitSeparately(group: readonly J[]): Promise<BlockedJobs<J>> {
    for (const [index, job] of group.entries()) {
      const { blocked, error } = await commit([job]);
      if (blocked.length > 0) return { blocked: group.slice(index), error };
    }
    return { blocked: [] };
  }

  return { commit, reject };
}

/**
 * Uses `exec` for BEGIN. With libsql, a prepared BEGIN that fails on a lock stays in progress, and a
 * later VACUUM fails.
 */
function runInTransaction<T>(
  { database, guard, requireDurability, checkVersion }: Connection,
  work: () => T,
): T {
  guard.check();
  requireDurability();
  database.exec('BEGIN IMMEDIATE');
  try {
    checkVersion();
    const result = work();
    commitTransaction(database);
    guard.check();
    return result;
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

/** Treats "busy" as permanent: BEGIN IMMEDIATE already holds the write lock. */
function commitTransaction(database: SqliteDatabase): void {
  try {
    database.exec('COMMIT');
  } catch (error) {
    throw classifyError(error) === 'busy' ? commitBlockedError(error) : error;
  }
}
