import { WebhookError } from '@novita-webhooks/core';

import type { Database } from '../client/database.ts';
import { isMissingObject, toInboxError } from '../errors.ts';
import { migrate } from '../migrations/migrate.ts';

/** Runs every operation of a store between its first migration and its close. */
export interface Lifecycle {
  /** Migrates if necessary and runs an operation. Errors say what to do. */
  run<T>(operation: () => Promise<T>): Promise<T>;
  /** The same, but errors of the operation pass unchanged, and `close` aborts its signal. */
  runAbortable<T>(operation: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Resolves when the schema is up to date. After a failure the next call migrates again. */
  ensureMigrated(): Promise<void>;
  isClosing(): boolean;
  /** Rejects new operations and waits for the running ones. Aborts signals after `gracePeriodMs`. */
  close(gracePeriodMs: number): Promise<void>;
}

export function createLifecycle(database: Database, schema: string): Lifecycle {
  const running = new Set<Promise<unknown>>();
  const abortable = new Set<AbortController>();
  let migrated: Promise<void> | undefined;
  let isClosed = false;

  function ensureMigrated(): Promise<void> {
    if (migrated === undefined) {
      const migrating = migrate(database, schema);
      migrating.catch(() => forget(migrating)); // every caller that waits gets the error
      migrated = migrating;
    }
    return migrated;
  }

  function forget(migrating: Promise<void>): void {
    if (migrated === migrating) migrated = undefined;
  }

  async function runMigrated<T>(operation: () => Promise<T>): Promise<T> {
    const migrating = ensureMigrated();
    try {
      await migrating;
      return await operation();
    } catch (error) {
      if (isMissingObject(error)) forget(migrating); // the schema was dropped
      throw toInboxError(error);
    }
  }

  function track<T>(start: () => Promise<T>): Promise<T> {
    if (isClosed) return Promise.reject(inboxClosed());
    const operation = start();
    const remove = () => running.delete(operation);
    running.add(operation);
    operation.then(remove, remove);
    return operation;
  }

  return {
    ensureMigrated,
    run: (operation) => track(() => runMigrated(operation)),
    runAbortable(operation) {
      const controller = new AbortController();
      abortable.add(controller);
      const result = track(async () => {
        await runMigrated(async () => undefined);
        return operation(controller.signal);
      });
      return result.finally(() => abortable.delete(controller));
    },
    isClosing: () => isClosed,
    async close(gracePeriodMs) {
      isClosed = true;
      const timer = setTimeout(() => {
        for (const controller of abortable) controller.abort(inboxClosed());
      }, gracePeriodMs);
      await Promise.allSettled(running);
      clearTimeout(timer);
    },
  };
}

const inboxClosed = (): WebhookError =>
  new WebhookError('closing', 'inbox-postgres: the inbox is closed. Create another one.');
