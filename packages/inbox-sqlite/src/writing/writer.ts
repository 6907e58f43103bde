import { setImmediate, setTimeout } from 'node:timers/promises';

import { createCommitter, type Job, type Operation } from './committer.ts';
import type { Connections } from '../connection/connections.ts';
import { explain, troubleOf } from '../errors.ts';

/** Runs operations in transactions, many in one. */
export interface Writer {
  /** Resolves when what the operation wrote is on disk. */
  write<T>(operation: Operation<T>): Promise<T>;
  /** The same, in a transaction of its own: for code that may throw or must not run twice. */
  writeAlone<T>(operation: Operation<T>): Promise<T>;
  /** For operations that write nothing. */
  read<T>(operation: Operation<T>): Promise<T>;
  /** Resolves when everything asked for has been done or refused. */
  idle(): Promise<void>;
}

interface QueuedJob extends Job {
  readonly alone: boolean;
  /** When to stop waiting for the lock. */
  readonly deadline: number;
}

/** More would keep the event loop too long. */
const LARGEST_GROUP = 100;

/** Between two tries for a lock that somebody else holds, in milliseconds: others wait for it, too. */
const LOCK_WAIT_MS = 5;

/** @param busyTimeoutMs how long to wait for a lock, in milliseconds */
export function createWriter(connections: Connections, busyTimeoutMs: number): Writer {
  const committer = createCommitter<QueuedJob>(connections);
  const jobs: QueuedJob[] = [];
  const underWay = new Set<Promise<unknown>>();
  let isDraining = false;

  /**
   * One group after the other, each with its sync. A commit that came earlier would have to wait for
   * the next sync all the same; waiting before it makes the groups larger.
   */
  async function drain(): Promise<void> {
    isDraining = true;
    await setImmediate(); // what arrives in this turn of the event loop shares the first commit
    while (jobs.length > 0) {
      const { locked, error } = await committer.commit(jobs.splice(0, sizeOfGroup(jobs)));
      if (locked.length > 0) await waitForLock(locked, error);
    }
    isDraining = false;
  }

  async function waitForLock(locked: readonly QueuedJob[], error: unknown): Promise<void> {
    jobs.unshift(...locked);
    const now = performance.now();
    const isLate = ({ deadline }: QueuedJob) => deadline <= now;
    const patient = jobs.findIndex((job) => !isLate(job)); // they came in this order
    committer.reject(jobs.splice(0, patient === -1 ? jobs.length : patient), error);
    await pause();
  }

  function add<T>(operation: Operation<T>, alone: boolean): Promise<T> {
    const promise = new Promise<T>((resolve, reject) => {
      const deadline = performance.now() + busyTimeoutMs;
      jobs.push({ operation, alone, deadline, resolve: resolve as Job['resolve'], reject });
    });
    const forget = () => underWay.delete(promise);
    underWay.add(promise);
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
        const isWorthWaiting = troubleOf(error) === 'busy' && performance.now() < deadline;
        if (!isWorthWaiting) throw explain(connections.path, error);
      }
      await pause();
    }
  }

  return {
    write: (operation) => add(operation, false),
    writeAlone: (operation) => add(operation, true),
    read,
    async idle() {
      await Promise.allSettled(underWay);
    },
  };
}

function readNow<T>(connections: Connections, operation: Operation<T>): T {
  const connection = connections.get();
  try {
    return operation(connection);
  } catch (error) {
    throw connections.failed(connection, error);
  }
}

async function pause(): Promise<void> {
  await setTimeout(1 + Math.random() * LOCK_WAIT_MS);
}

/** As many as share a commit. */
function sizeOfGroup(jobs: readonly QueuedJob[]): number {
  const first = jobs.slice(0, LARGEST_GROUP).findIndex(({ alone }) => alone);
  return first === -1 ? Math.min(jobs.length, LARGEST_GROUP) : Math.max(1, first);
}
