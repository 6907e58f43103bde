import { systemClock, type Clock, type Retention, type Store } from '@novita-webhooks/core';

import type { SqliteDatabase } from './driver/driver.ts';
import { add } from './operations/add.ts';
import { claim } from './operations/claim.ts';
import { discard } from './operations/discard.ts';
import { extend } from './operations/extend.ts';
import { get } from './operations/get.ts';
import { list } from './operations/list.ts';
import { nextDueMs } from './operations/next-due.ts';
import { purge } from './operations/delete-expired.ts';
import { replay } from './operations/replay.ts';
import { settle } from './operations/settle.ts';
import { stats } from './operations/stats.ts';
import { toMs } from './operations/time.ts';
import { transact } from './operations/transaction.ts';
import { toConnections, type DatabaseOptions } from './options.ts';
import { createWriter, type Writer } from './writing/writer.ts';

/** Which database, how patient to be with it, and where time comes from. */
export interface SqliteStoreOptions<
  Database extends SqliteDatabase = SqliteDatabase,
> extends DatabaseOptions<Database> {
  readonly clock?: Clock | undefined;
}

/**
 * A store in one SQLite file, for one process or for several on one machine. What it has
 * acknowledged is on disk.
 *
 * @throws WebhookError `invalid_option`, also when no SQLite library is installed
 */
export function sqliteStore<Database extends SqliteDatabase = SqliteDatabase>(
  options: SqliteStoreOptions<Database>,
): Store<Database> {
  const { busyTimeoutMs = 3000, clock = systemClock } = options;
  const connections = toConnections(options);
  const writer = createWriter(connections, busyTimeoutMs);
  const { write, writeAlone, read } = writer;
  const now = () => toMs(clock.now());

  return {
    capabilities: { durable: true, shared: true, transactional: true },
    add: (entry) => write((connection) => add(connection, entry, now())),
    claim: (endpoint, limit, leaseDurationMs) =>
      write((connection) => claim(connection, { endpoint, limit, leaseDurationMs, now: now() })),
    extend: (claimRef, leaseDurationMs) =>
      write((connection) => extend(connection, claimRef, toMs(now() + leaseDurationMs))),
    settle: (claimRef, outcome) =>
      write((connection) => settle(connection, claimRef, outcome, now())),
    transaction: (claimRef, handler, work) =>
      writeAlone((connection) =>
        transact(connection, claimRef, handler, work as (tx: SqliteDatabase) => never),
      ),
    nextDueMs: (endpoint) => read((connection) => nextDueMs(connection, endpoint, now())),
    list: (query) => read((connection) => list(connection, query)),
    get: (key) => read((connection) => get(connection, key)),
    replay: (key) => write((connection) => replay(connection, key, now())),
    discard: (key) => write((connection) => discard(connection, key)),
    stats: () => read((connection) => stats(connection, now())),
    deleteExpired: (retention) => purgeAll(writer, retention, now()),
    async close() {
      await writer.idle();
      connections.close();
    },
  };
}

/** Few enough not to hold up what else is to be written. */
const PURGED_TOGETHER = 200;

async function purgeAll(
  { write }: Writer,
  { doneMs, deadMs }: Retention,
  now: number,
): Promise<number> {
  const ages = [
    { state: 'done', before: now - doneMs },
    { state: 'dead', before: now - deadMs },
  ] as const;
  let total = 0;
  for (const age of ages) {
    let purged: number;
    do {
      purged = await write((connection) => purge(connection, { ...age, limit: PURGED_TOGETHER }));
      total += purged;
    } while (purged === PURGED_TOGETHER);
  }
  return total;
}
