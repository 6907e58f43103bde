import { systemClock, type Clock, type Retention, type Store } from '@novita-webhooks/core';

import { createWalMonitor } from './connection/wal-monitor.ts';
import type { SqliteDatabase } from './driver/driver.ts';
import { add } from './operations/add.ts';
import { claim } from './operations/claim.ts';
import { discard } from './operations/discard.ts';
import { extend } from './operations/extend.ts';
import { get } from './operations/get.ts';
import { list } from './operations/list.ts';
import { nextDueMs } from './operations/next-due.ts';
import { deleteExpired } from './operations/delete-expired.ts';
import { recordSucceeded } from './operations/record-succeeded.ts';
import { replay } from './operations/replay.ts';
import { settle } from './operations/settle.ts';
import { stats } from './operations/stats.ts';
import { toMs } from './operations/time.ts';
import { transaction } from './operations/transaction.ts';
import { openConnections, type DatabaseOptions } from './options.ts';
import type { Operation } from './writing/committer.ts';
import { createWriter, type Writer } from './writing/writer.ts';

/** Which database the store uses, how long it waits for a lock, and its clock. */
export interface SqliteStoreOptions<
  Database extends SqliteDatabase = SqliteDatabase,
> extends DatabaseOptions<Database> {
  readonly clock?: Clock | undefined;
}

/**
 * Creates a store in one SQLite file, which several processes on one machine may share. Everything
 * that the store acknowledges is on disk.
 *
 * @throws WebhookError `invalid_option`, also when no SQLite library is installed
 */
export function sqliteStore<Database extends SqliteDatabase = SqliteDatabase>(
  options: SqliteStoreOptions<Database>,
): Store<Database> {
  const { busyTimeoutMs = 3000, clock = systemClock } = options;
  const connections = openConnections(options);
  const writer = createWriter(connections, busyTimeoutMs);
  const { writeInOwnTransaction, read } = writer;
  const walMonitor = createWalMonitor(connections);
  const write = async <T>(operation: Operation<T>): Promise<T> => {
    const result = await writer.write(operation);
    walMonitor.check();
    return result;
  };
  const now = () => toMs(clock.now());

  return {
    name: 'inbox-sqlite',
    capabilities: { durable: true, shared: true, transactional: true, confirmsTakeover: true },
    open: walMonitor.open,
    add: (entry) => write((connection) => add(connection, entry, now())),
    claim: (endpoint, limit, leaseDurationMs) =>
      write((connection) => claim(connection, { endpoint, limit, leaseDurationMs, now: now() })),
    extend: (claimRef, leaseDurationMs) =>
      write((connection) => extend(connection, claimRef, toMs(now() + leaseDurationMs))),
    settle: (claimRef, outcome) =>
      write((connection) => settle(connection, claimRef, outcome, now())),
    recordSucceeded: (claimRef, names) =>
      write((connection) => recordSucceeded(connection, claimRef, names)),
    transaction: (claimRef, handler, work) =>
      writeInOwnTransaction((connection) =>
        transaction(connection, claimRef, handler, work as (tx: SqliteDatabase) => never),
      ),
    nextDueMs: (endpoint) => read((connection) => nextDueMs(connection, endpoint, now())),
    list: (query) => read((connection) => list(connection, query)),
    get: (key) => read((connection) => get(connection, key)),
    replay: (key) => write((connection) => replay(connection, key, now())),
    discard: (key) => write((connection) => discard(connection, key)),
    stats: () => read((connection) => stats(connection, now())),
    deleteExpired: (retention) => deleteInBatches(writer, retention, now()),
    async close() {
      await writer.idle();
      connections.close();
    },
  };
}

/** Limits how long one deletion delays other writes. */
const MAX_ENTRIES_PER_DELETION = 200;

async function deleteInBatches(
  { write }: Writer,
  { doneMs, deadMs }: Retention,
  now: number,
): Promise<number> {
  const limit = MAX_ENTRIES_PER_DELETION;
  const ages = [
    { state: 'done', before: now - doneMs, limit },
    { state: 'dead', before: now - deadMs, limit },
  ] as const;
  let total = 0;
  for (const age of ages) {
    let deleted: number;
    do {
      deleted = await write((connection) => deleteExpired(connection, age));
      total += deleted;
    } while (deleted === limit);
  }
  return total;
}
