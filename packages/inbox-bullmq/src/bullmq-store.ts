import type { EntryKey, EntryTarget, Store } from '@novita-webhooks/core';

import { extend } from './bullmq/lock.ts';
import { createQueues, type EndpointQueue } from './bullmq/queues.ts';
import { createConnection } from './connection/connection.ts';
import { reportDurability } from './connection/durability.ts';
import { createAdd } from './operations/add.ts';
import { createClaimer, type Claimer } from './operations/claim.ts';
import { createDeleteExpired } from './operations/delete-expired.ts';
import { discard } from './operations/discard.ts';
import { get } from './operations/get.ts';
import { list } from './operations/list.ts';
import { nextDueMs } from './operations/next-due.ts';
import { recordSucceeded } from './operations/record-succeeded.ts';
import { replay } from './operations/replay.ts';
import { restoreEntries } from './operations/restore.ts';
import { settle } from './operations/settle.ts';
import { stats } from './operations/stats.ts';
import type { StoreOptions } from './options.ts';

/** A store of BullMQ's queues, by what BullMQ documents for processing jobs by hand. */
export function bullmqStore(options: StoreOptions): Store {
  const { source, commandTimeoutMs, prefix } = options;
  const connection = createConnection({ source, commandTimeoutMs });
  const queues = createQueues(connection, options);
  const claimers = new Map<string, Claimer>();
  const queueOf = ({ endpoint }: Pick<EntryKey, 'endpoint'>): EndpointQueue => queues.of(endpoint);

  function claimerOf(endpoint: string): Claimer {
    const claimer =
      claimers.get(endpoint) ?? createClaimer(connection, queues.of(endpoint), prefix);
    claimers.set(endpoint, claimer);
    return claimer;
  }

  return {
    name: 'inbox-bullmq',
    capabilities: {
      ...{ durable: true, shared: true, transactional: false },
      ...{ confirmsTakeover: true, imports: true, bindsTokens: true },
    },
    open(log) {
      connection.report(log);
      connection.whenReady(() => void reportDurability(connection, log));
    },
    add: createAdd(queues),
    claim: (endpoint, limit, leaseDurationMs) =>
      claimerOf(endpoint).claim(limit, Math.ceil(leaseDurationMs)),
    extend: (claim, leaseDurationMs) => extend(queueOf(claim), claim, Math.ceil(leaseDurationMs)),
    settle: (claim, outcome) => settle(queueOf(claim), claim, outcome),
    recordSucceeded: (claim, names) => recordSucceeded(queueOf(claim), claim, names),
    nextDueMs: (endpoint) => nextDueMs(queues.of(endpoint), claimerOf(endpoint)),
    list: (query) => list(queues, query),
    get: (key) => get(queueOf(key), key),
    replayEntries: (targets, options = {}) =>
      count(targets, (target) => replay(queueOf(target), target, options)),
    discardEntries: (targets) => count(targets, (target) => discard(queueOf(target), target)),
    restoreEntries: (entries) => restoreEntries(queues, claimerOf, entries),
    stats: () => stats(queues),
    deleteExpired: createDeleteExpired(queues),
    subscribe: (endpoint, listener) => claimerOf(endpoint).subscribe(listener),
    async close() {
      connection.startClosing();
      await Promise.all([...claimers.values()].map((claimer) => claimer.close()));
      await queues.close();
      await connection.close();
    },
  };
}

/** Acts on all at the same time, since BullMQ acts on one. Returns on how many it did. */
async function count(
  targets: readonly EntryTarget[],
  act: (target: EntryTarget) => Promise<boolean>,
): Promise<number> {
  return (await Promise.all(targets.map(act))).filter(Boolean).length;
}
