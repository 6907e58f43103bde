import { setImmediate, setTimeout } from 'node:timers/promises';

import type { Connections } from '../connection/connections.ts';
import { isTransient, toInboxError } from '../errors.ts';
import { createCommitter, type Job, type Operation } from './committer.ts';

/** Queues operations and runs them in transactions, many operations per transaction. */
export interface Writer {
  /** Resolves when the writes of the operation are on disk. */
  write<T>(operation: Operation<T>): Promise<T>;
  /** Like `write`, in a transaction of its own: for code that may throw or must not run twice. */
  writeInOwnTransaction<T>(operation: Operation<T>): Promise<T>;
  /** Runs an operation that writes nothing. */
  read<T>(operation: Operation<T>): Promise<T>;
  /** Resolves when all operations requested before the call are settled. */
  idle(): Promise<void>;
}

interface QueuedJob extends Job {
  readonly needsOwnTransaction: boolean;
  /** When to stop waiting for the lock, on the clock of `performance.now()`. */
  readonly deadline: number;
}

/** Limits how long one transaction blocks the event loop. */
const MAX_OPERATIONS_PER_TRANSACTION = 100;

/** Random part of the time between two attempts to get the lock, so that processes do not collide. */
const LOCK_RETRY_JITTER_MS = 5;

/** @param busyTimeoutMs how long to wait for a lock, in milliseconds */
export function createWriter(connections: Connections, busyTimeoutMs: number): Writer {
  const committer = createCommitter<QueuedJob>(connections);
  const jobs: QueuedJob[] = [];
  const inProgress = new Set<Promise<unknown>>();
  let isDraining = false;

  /**
   * Commits and syncs one group after the other. An earlier commit would have to wait for the next
   * sync anyway; waiting before the commit makes the groups larger.
   */
  async function drain(): Promise<void> {
    isDraining = true;
    await setImmediate(); // operations of the same turn of the event loop share the first commit
    while (jobs.length > 0) {
      const { blocked, error } = await committer.commit(jobs.splice(0, nextGroupSize(jobs)));
      if (blocked.length > 0) await requeue(blocked, error);
    }
    isDraining = false;
  }

  /** Puts jobs back, rejects those past their deadline, and waits before the next attempt. */
  async function requeue(blocked: readonly QueuedJob[], error: unknown): Promise<void> {
    jobs.unshift(...blocked);
    const now = performance.now();
    const firstInTime = jobs.findIndex(({ deadline }) => deadline > now); // sorted by deadline
    committer.reject(jobs.splice(0, firstInTime === -1 ? jobs.length : firstInTime), error);
    await waitBeforeLockRetry();
  }

  function enqueue<T>(operation: Operation<T>, needsOwnTransaction: boolean): Promise<T> {
    const promise = new Promise<T>((resolve, reject) => {
      const deadline = performance.now() + busyTimeoutMs;
      const callbacks = { resolve: resolve as Job['resolve'], reject };
      jobs.push({ operation, needsOwnTransaction, deadline, ...callbacks });
    });
    const forget = () => inProgress.delete(promise);
    inProgress.add(promise);
    promise.then(forget, forget);
    if (!isDraining) void drain();
    return promise;
  }

  async function read<T>(operation: Operation<T>): Promise<T> {
    const deadline = performance.now() + busyTimeoutMs;
    for (;;) {
      try {
        return readNow(connections, operation);
      } catch (error) {
        const canRetry = isTransient(error) && performance.now() < deadline;
        if (!canRetry) throw toInboxError(connections.path, error);
      }
      await waitBeforeLockRetry();
    }
  }

  return {
    write: (operation) => enqueue(operation, false),
    writeInOwnTransaction: (operation) => enqueue(operation, true),
    read,
    async idle() {
      await Promise.allSettled(inProgress);
    },
  };
}

function readNow<T>(connections: Connections, operation: Operation<T>): T {
  const connection = connections.get();
  try {
    return operation(connection);
  } catch (error) {
    throw connections.handleFailure(connection, error);
  }
}

async function waitBeforeLockRetry(): Promise<void> {
  await setTimeout(1 + Math.random() * LOCK_RETRY_JITTER_MS);
}

/** Returns how many jobs at the head of the queue share the next transaction. */
function nextGroupSize(jobs: readonly QueuedJob[]): number {
  const head = jobs.slice(0, MAX_OPERATIONS_PER_TRANSACTION);
  const firstAlone = head.findIndex(({ needsOwnTransaction }) => needsOwnTransaction);
  return firstAlone === -1 ? head.length : Math.max(1, firstAlone);
}
