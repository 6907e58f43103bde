import type { ClaimRef, Store } from '@novita-webhooks/core';

import { createDatabase } from './client/database.ts';
import { createGate } from './startup/lifecycle.ts';
import { createListener } from './notifications/notification-listener.ts';
import { createNotifier } from './notifications/notification-sender.ts';
import { claim } from './operations/claim.ts';
import { discard } from './operations/discard.ts';
import { get } from './operations/get.ts';
import { list } from './operations/list.ts';
import { nextDueMs } from './operations/next-due.ts';
import { purge } from './operations/delete-expired.ts';
import { replay } from './operations/replay.ts';
import { stats } from './operations/stats.ts';
import { transact, type Transaction } from './operations/transaction.ts';
import { resolveOptions, type PostgresStoreOptions } from './options.ts';
import type { ClientOf, PostgresPool } from './pool.ts';
import { sharesOf } from './client/pool-quota.ts';
import { createStarter } from './startup/startup-check.ts';
import { createWriter } from './batching/batched-writes.ts';

/**
 * A store in a schema of a PostgreSQL database, for any number of processes. What it has acknowledged
 * is committed there.
 *
 * @throws WebhookError `invalid_option`
 */
export function postgresStore<Pool extends PostgresPool>(
  options: PostgresStoreOptions<Pool>,
): Store<ClientOf<Pool>> {
  const { pool, schema, quoted, queryTimeoutMs, transactionTimeoutMs, listen } =
    resolveOptions(options);
  const database = createDatabase({ pool, schema: quoted, queryTimeoutMs });
  const { query } = database;
  const { run, enter, ready, isClosing, close } = createGate(database, schema);
  const writer = createWriter(database, queryTimeoutMs);
  const { transactions } = sharesOf(pool);
  const starter = createStarter({ query, ready });
  const notifier = createNotifier(database, schema);
  const listening = { channel: schema, checkMs: 2 * queryTimeoutMs, log: starter.log };
  const listener = createListener({ database, pool, ...listening });

  /** Tells others of what they may take up at once. */
  function tellIf(isDue: boolean, endpoint: string): boolean {
    if (isDue) notifier.notify(endpoint);
    return isDue;
  }

  return {
    capabilities: { durable: true, shared: true, transactional: true },
    open: starter.start,
    async add(entry) {
      const added = await run(() => writer.add(entry));
      tellIf(added === 'added', entry.endpoint);
      return added;
    },
    async claim(endpoint, limit, leaseDurationMs) {
      const claims = await run(() => claim(database, endpoint, limit, leaseDurationMs));
      listener.claimed(endpoint, claims.length);
      return claims;
    },
    extend: (claimRef, leaseDurationMs) => run(() => writer.extend(claimRef, leaseDurationMs)),
    async settle(claimRef, outcome) {
      const settled = await run(() => writer.settle(claimRef, outcome));
      const isDue = 'delayMs' in outcome && outcome.delayMs <= 0;
      tellIf(settled && isDue, claimRef.endpoint);
      return settled;
    },
    transaction(claimRef: ClaimRef, handler: string, given) {
      const work = given as Transaction<Awaited<ReturnType<typeof given>>>['work'];
      return enter(async (signal) => {
        const transaction = { claimRef, handler, work, longestMs: transactionTimeoutMs, signal };
        const leave = await transactions.take(transactionTimeoutMs, signal);
        return transact(database, transaction).finally(leave);
      });
    },
    ...(listen && { subscribe: listener.subscribe }),
    nextDueMs: (endpoint) => run(() => nextDueMs(query, endpoint)),
    list: (wanted) => run(() => list(query, wanted)),
    get: (key) => run(() => get(query, key)),
    replay: async (key) => tellIf(await run(() => replay(query, key)), key.endpoint),
    discard: (key) => run(() => discard(query, key)),
    stats: () => run(() => stats(query)),
    deleteExpired: (retention) => run(() => purge(query, retention, isClosing)),
    async close() {
      starter.stop();
      await Promise.all([listener.close(), close(queryTimeoutMs)]);
      await notifier.close();
    },
  };
}
