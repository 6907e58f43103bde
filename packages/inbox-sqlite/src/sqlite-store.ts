import { requireOptions, type Clock, type Retention, type Store } from '@novita-webhooks/core';

import { createWalMonitor } from './connection/wal-monitor.ts';
import type { SqliteDatabase } from './driver/driver.ts';
import { add } from './operations/add.ts';
import { claim } from './operations/claim.ts';
import { discardEntries } from './operations/discard-entries.ts';
import { extend } from './operations/extend.ts';
import { get } from './operations/get.ts';
import { list } from './operations/list.ts';
import { nextDueMs } from './operations/next-due.ts';
import { deleteExpired } from './operations/delete-expired.ts';
import { recordSucceeded } from './operations/record-succeeded.ts';
import { replayEntries } from './operations/replay-entries.ts';
import { restoreEntries } from './operations/restore-entries.ts';
import { settle } from './operations/settle.ts';
import { stats } from './operations/stats.ts';
import { createStoreTime, machineClock, type StoreTime } from './operations/store-time.ts';
import { toMs } from './operations/time.ts';
import { transaction } from './operations/transaction.ts';
import { openConnections, type DatabaseOptions } from './options.ts';
import type { Operation } from './writing/committer.ts';
import { createWriter, type Writer } from './writing/writer.ts';

/** Which database the store uses, how long it waits for a lock, and its clock. */
export interface SqliteStoreOptions<
  Database extends SqliteDatabase = SqliteDatabase,
> extends DatabaseOptions<Database> {
  /** Default: a clock that does not jump and is the same in all processes of a Linux machine. */
  readonly clock?: Clock | undefined;
}

const KNOWN: readonly (keyof SqliteStoreOptions)[] = [
  ...(['path', 'driver', 'database', 'busyTimeoutMs', 'clock'] as const),
];

/**
 * Creates a store in one SQLite file, which several processes on one machine may share. Everything
 * that the store acknowledges is on disk.
 *
 * @throws WebhookError `invalid_option`, also when no SQLite library is installed
 */
export function sqliteStore<Database extends SqliteDatabase = SqliteDatabase>(
  options: SqliteStoreOptions<Database>,
): Store<Database> {
  requireOptions('inbox-sqlite', options, "sqliteStore({ path: 'webhooks.db' })", KNOWN);
  const { busyTimeoutMs = 3000, clock = machineClock } = options;
  const connections = openConnections(options);
  const writer = createWriter(connections, busyTimeoutMs);
  const { writeInOwnTransaction, read } = writer;
  const walMonitor = createWalMonitor(connections);
  const write = async <T>(operation: Operation<T>): Promise<T> => {
    const result = await writer.write(operation);
    walMonitor.check();
    return result;
  };
  const time = createStoreTime(clock);

  return {
    name: 'inbox-sqlite',
    capabilities: {
      ...{ durable: true, shared: true, transactional: true, imports: true },
      bindsTokens: true,
      ...{ confirmsTakeover: true, steadyTime: time.isSteady },
    },
    open: walMonitor.open,
    add: (entry) => write((connection) => add(connection, entry, time.now(connection))),
    claim: (endpoint, limit, leaseDurationMs) =>
      write((connection) => {
        const now = time.now(connection);
        return claim(connection, { endpoint, limit, leaseDurationMs, now });
      }),
    extend: (claimRef, leaseDurationMs) =>
      write((connection) =>
        extend(connection, claimRef, toMs(time.now(connection) + leaseDurationMs)),
      ),
    settle: (claimRef, outcome) =>
      write((connection) => settle(connection, claimRef, outcome, time.now(connection))),
    recordSucceeded: (claimRef, names) =>
      write((connection) => recordSucceeded(connection, claimRef, names)),
    transaction: (claimRef, handler, work) =>
      writeInOwnTransaction((connection) =>
        transaction(connection, claimRef, handler, work as (tx: SqliteDatabase) => never),
      ),
    nextDueMs: (endpoint) =>
      read((connection) => nextDueMs(connection, endpoint, time.read(connection))),
    list: (query) => read((connection) => list(connection, query, time.read(connection))),
    get: (key) => read((connection) => get(connection, key)),
    replayEntries: (targets, how = {}) =>
      write((connection) => replayEntries(connection, targets, how, time.now(connection))),
    discardEntries: (targets) => write((connection) => discardEntries(connection, targets)),
    restoreEntries: (entries) =>
      write((connection) => restoreEntries(connection, entries, time.now(connection))),
    stats: () => read((connection) => stats(connection, time.read(connection))),
    deleteExpired: (retention) => deleteInBatches(writer, retention, time),
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
  time: StoreTime,
): Promise<number> {
  const limit = MAX_ENTRIES_PER_DELETION;
  const ages = [
    { state: 'done', ageMs: doneMs },
    { state: 'dead', ageMs: deadMs },
  ] as const;
  let total = 0;
  for (const { state, ageMs } of ages) {
    let deleted: number;
    do {
      deleted = await write((connection) => {
        const before = toMs(time.now(connection) - ageMs);
        return deleteExpired(connection, { state, before, limit });
      });
      total += deleted;
    } while (deleted === limit);
  }
  return total;
}
