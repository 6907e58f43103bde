import type { Fence, Store } from '@novita-webhooks/core';

import { createDatabase } from './database.ts';
import { createGate } from './gate.ts';
import { createListener } from './listener.ts';
import { createNotifier } from './notifier.ts';
import { claim } from './operations/claim.ts';
import { discard } from './operations/discard.ts';
import { get } from './operations/get.ts';
import { list } from './operations/list.ts';
import { nextDueMs } from './operations/next-due.ts';
import { purge } from './operations/purge.ts';
import { replay } from './operations/replay.ts';
import { stats } from './operations/stats.ts';
import { transact, type Transaction } from './operations/transact.ts';
import { resolveOptions, type PostgresStoreOptions } from './options.ts';
import type { ClientOf, PostgresPool } from './pool.ts';
import { sharesOf } from './shares.ts';
import { createStarter } from './starter.ts';
import { createWriter } from './writer.ts';

/**
 * A store in a schema of a PostgreSQL database, for any number of processes. What it has acknowledged
 * is committed there.
 *
 * @throws WebhookError `invalid_option`
 */
export function postgresStore<Pool extends PostgresPool>(
  options: PostgresStoreOptions<Pool>,
): Store<ClientOf<Pool>> {
  const { pool, schema, quoted, queryMs, transactionMs, listen } = resolveOptions(options);
  const database = createDatabase({ pool, schema: quoted, queryMs });
  const { query } = database;
  const { run, enter, ready, isClosing, close } = createGate(database, schema);
  const writer = createWriter(database, queryMs);
  const { transactions } = sharesOf(pool);
  const starter = createStarter({ query, ready });
  const notifier = createNotifier(database, schema);
  const listening = { channel: schema, checkMs: 2 * queryMs, log: starter.log };
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
    async claim(endpoint, limit, leaseMs) {
      const claims = await run(() => claim(database, endpoint, limit, leaseMs));
      listener.claimed(endpoint, claims.length);
      return claims;
    },
    extend: (fence, leaseMs) => run(() => writer.extend(fence, leaseMs)),
    async settle(fence, outcome) {
      const settled = await run(() => writer.settle(fence, outcome));
      const isDue = 'delayMs' in outcome && outcome.delayMs <= 0;
      tellIf(settled && isDue, fence.endpoint);
      return settled;
    },
    transaction(fence: Fence, handler: string, given) {
      const work = given as Transaction<Awaited<ReturnType<typeof given>>>['work'];
      return enter(async (signal) => {
        const transaction = { fence, handler, work, longestMs: transactionMs, signal };
        const leave = await transactions.take(transactionMs, signal);
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
    purge: (retention) => run(() => purge(query, retention, isClosing)),
    async close() {
      starter.stop();
      await Promise.all([listener.close(), close(queryMs)]);
      await notifier.close();
    },
  };
}
