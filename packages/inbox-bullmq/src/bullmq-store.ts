import type { Store } from '@novita-webhooks/core';

import { createAdder } from './adder.ts';
import { createClaimer, type Claimer, type Held } from './claimer.ts';
import { createConnection } from './connection.ts';
import { reportDurability } from './durability.ts';
import { list } from './listing.ts';
import { discard, nextDueMs, replay, stats } from './operating.ts';
import type { StoreOptions } from './options.ts';
import { createPurge } from './purging.ts';
import { createQueues } from './queues.ts';
import { get } from './reading.ts';
import { extend, settle } from './settling.ts';
import { createSubscriptions } from './subscribing.ts';

/** How often in a lease BullMQ looks for jobs whose worker is gone. */
const CHECKS_PER_LEASE = 3;

/** A table with a clock, made of BullMQ's queues: what it does not do with its own scripts, ours do. */
export function bullmqStore(options: StoreOptions): Store {
  const { source, commandTimeoutMs, prefix, queueNamePrefix, leaseDurationMs } = options;
  const checkMs = Math.ceil(leaseDurationMs / CHECKS_PER_LEASE);
  const connection = createConnection({ source, commandTimeoutMs });
  const queues = createQueues(connection, { prefix, queueNamePrefix, leaseDurationMs, checkMs });
  const subscriptions = createSubscriptions(connection, { source, commandTimeoutMs }, checkMs);
  const claimers = new Map<string, Claimer>();

  function claimerOf(endpoint: string): Claimer {
    const claimer =
      claimers.get(endpoint) ?? createClaimer(connection, queues.of(endpoint), leaseDurationMs);
    claimers.set(endpoint, claimer);
    return claimer;
  }

  return {
    capabilities: { durable: true, shared: true, transactional: false },
    open(log) {
      connection.report(log);
      void reportDurability(connection, log);
    },
    add: createAdder(connection, queues),
    async claim(endpoint, limit) {
      const claims = await claimerOf(endpoint).claim(limit);
      subscriptions.claimed(endpoint, claims.length < limit);
      return claims;
    },
    extend: (claimRef) => extend(connection, queues, claimRef, leaseDurationMs),
    settle: (claimRef, outcome) =>
      settle(
        connection,
        queues,
        claimRef,
        outcome,
        (claimRef as Partial<Held>).job,
        leaseDurationMs,
      ),
    nextDueMs: (endpoint) => nextDueMs(connection, queues, queues.of(endpoint), leaseDurationMs),
    list: (query) => list(connection, queues, query),
    get: (key) => get(connection, queues, key),
    replay: (key) => replay(connection, queues, key),
    discard: (key) => discard(connection, queues, key),
    stats: () => stats(connection, queues),
    deleteExpired: createPurge(connection, queues),
    subscribe: (endpoint, heard) => subscriptions.subscribe(queues.of(endpoint), heard),
    async close() {
      subscriptions.stop();
      await queues.close();
      await connection.close();
    },
  };
}
