import type { ClaimRef, EntryKey, Store } from '@novita-webhooks/core';

import { createBatchedWrites } from './batching/batched-writes.ts';
import { createDatabase, type Database } from './client/database.ts';
import { getPoolQuota } from './client/pool-quota.ts';
import { createNotificationListener } from './notifications/notification-listener.ts';
import {
  createNotificationSender,
  type NotificationSender,
} from './notifications/notification-sender.ts';
import { claim } from './operations/claim.ts';
import { deleteExpired } from './operations/delete-expired.ts';
import { discardEntries } from './operations/discard-entries.ts';
import { get } from './operations/get.ts';
import { list } from './operations/list.ts';
import { nextDueMs } from './operations/next-due.ts';
import { recordSucceeded } from './operations/record-succeeded.ts';
import { replayEntries } from './operations/replay-entries.ts';
import { restoreEntries } from './operations/restore-entries.ts';
import { stats } from './operations/stats.ts';
import { runHandlerTransaction, type HandlerTransaction } from './operations/transaction.ts';
import { resolveOptions, type PostgresStoreOptions, type ResolvedOptions } from './options.ts';
import type { ClientOf, PostgresPool } from './pool.ts';
import { createLifecycle, type Lifecycle } from './startup/lifecycle.ts';
import { createStartupCheck } from './startup/startup-check.ts';

const DESCRIPTION = {
  name: 'inbox-postgres',
  capabilities: {
    durable: true,
    shared: true,
    transactional: true,
    confirmsTakeover: true,
    imports: true,
    bindsTokens: true,
  },
};

/**
 * Creates a store in a schema of a PostgreSQL database, for any number of processes. A write is
 * committed before its call resolves.
 *
 * @throws WebhookError `invalid_option`
 */
export function postgresStore<Pool extends PostgresPool>(
  options: PostgresStoreOptions<Pool>,
): Store<ClientOf<Pool>> {
  const resolved = resolveOptions(options);
  const { pool, schema, quotedSchema, queryTimeoutMs, listen } = resolved;
  const database = createDatabase({ pool, schema: quotedSchema, queryTimeoutMs });
  const { query } = database;
  const lifecycle = createLifecycle(database, schema);
  const writes = createBatchedWrites(database, queryTimeoutMs);
  const { open, run, log, stop } = createStartupCheck({ query, lifecycle });
  const sender = createNotificationSender(database, schema);
  const listener = createNotificationListener({
    database,
    pool,
    channel: schema,
    checkIntervalMs: 2 * queryTimeoutMs,
    log,
  });
  return {
    ...DESCRIPTION,
    open,
    async add(entry) {
      const added = await run(() => writes.add(entry));
      if (added === 'added') sender.notify(entry.endpoint);
      return added;
    },
    async claim(endpoint, limit, leaseDurationMs) {
      const claims = await run(() => claim(database, endpoint, limit, leaseDurationMs));
      listener.claimed(endpoint, claims.length);
      return claims;
    },
    extend: (claimRef, leaseDurationMs) => run(() => writes.extend(claimRef, leaseDurationMs)),
    async settle(claimRef, outcome) {
      const isSettled = await run(() => writes.settle(claimRef, outcome));
      const isDue = 'delayMs' in outcome && outcome.delayMs <= 0;
      if (isSettled && isDue) sender.notify(claimRef.endpoint);
      return isSettled;
    },
    recordSucceeded: (claimRef, names) => run(() => recordSucceeded(query, claimRef, names)),
    transaction: createTransaction(database, lifecycle, resolved),
    ...(listen && { subscribe: listener.subscribe }),
    nextDueMs: (endpoint) => run(() => nextDueMs(query, endpoint)),
    ...createEntryOperations(database, run, sender),
    deleteExpired: (retention) =>
      run(() => deleteExpired(database, retention, lifecycle.isClosing)),
    async close() {
      stop();
      await Promise.all([listener.close(), lifecycle.close(queryTimeoutMs)]);
      await sender.close();
    },
  };
}

type EntryOperations = Pick<
  Required<Store>,
  'list' | 'get' | 'replayEntries' | 'discardEntries' | 'restoreEntries' | 'stats'
>;

/** What operators do with entries. */
function createEntryOperations(
  { query, transaction }: Database,
  run: Lifecycle['run'],
  sender: NotificationSender,
): EntryOperations {
  const notify = (changed: number, entries: readonly EntryKey[]): void => {
    if (changed === 0) return;
    for (const endpoint of new Set(entries.map((entry) => entry.endpoint))) sender.notify(endpoint);
  };
  return {
    list: (filter) => run(() => list(query, filter)),
    get: (key) => run(() => get(query, key)),
    async replayEntries(targets, options) {
      const replayed = await run(() =>
        transaction((query) => replayEntries(query, targets, options)),
      );
      notify(replayed, targets);
      return replayed;
    },
    discardEntries: (targets) => run(() => transaction((query) => discardEntries(query, targets))),
    async restoreEntries(entries) {
      const restored = await run(() => transaction((query) => restoreEntries(query, entries)));
      notify(restored, entries);
      return restored;
    },
    stats: () => run(() => stats(query)),
  };
}

/** `Store.transaction`: waits for a connection within the quota of the pool, then runs. */
function createTransaction<Pool extends PostgresPool>(
  database: Database,
  { runAbortable }: Lifecycle,
  { pool, transactionTimeoutMs: timeoutMs }: ResolvedOptions<Pool>,
): NonNullable<Store<ClientOf<Pool>>['transaction']> {
  const { transactions } = getPoolQuota(pool);
  return <T>(
    claimRef: ClaimRef,
    handler: string,
    callback: (client: ClientOf<Pool>) => T | Promise<T>,
  ) => {
    const work = callback as HandlerTransaction<T>['work']; // the clients of this pool
    return runAbortable(async (signal) => {
      const release = await transactions.acquire(timeoutMs, signal);
      const transaction = { claimRef, handler, work, timeoutMs, signal };
      return runHandlerTransaction(database, transaction).finally(release);
    });
  };
}
