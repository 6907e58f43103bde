import { pollingInbox } from '@novita-webhooks/core';
import { createManualClock, type InboxSubject, type StoreSubject } from '@novita-webhooks/testing';
import { sqliteInbox, sqliteStore, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';

import {
  describeInboxContract,
  describeStoreContract,
} from '../../../test/support/describe-contract.ts';
import { presentDrivers, reportMissing, type DriverUnderTest } from './support/drivers.ts';
import { temporaryFile } from './support/temporary-files.ts';

const LEASE_MS = 30_000;
const RETENTION = { doneMs: 2000, deadMs: 4000 };

reportMissing('the contracts of stores and inboxes');

for (const driver of presentDrivers) {
  describeStoreContract(`the SQLite store on ${driver.name}`, () => {
    const subject = openStore(driver);
    return { subject, close: subject.store.close };
  });
  describeInboxContract(`the SQLite inbox on ${driver.name}`, () => {
    const subject = openInbox(driver);
    return { subject, close: subject.inbox.close };
  });
}

function openStore(driver: DriverUnderTest): StoreSubject {
  const path = temporaryFile();
  const clock = createManualClock();
  withConnection(driver, path, (database) => database.exec('CREATE TABLE ledger (line TEXT)'));
  const store = driver.use(() => sqliteStore({ path, driver: driver.name, clock }));
  const ledger = {
    write(tx: unknown, line: string) {
      (tx as SqliteDatabase).prepare('INSERT INTO ledger VALUES (?)').run(line);
    },
    read: async () =>
      withConnection(driver, path, (database) => {
        const rows = database.prepare('SELECT line FROM ledger ORDER BY rowid').all();
        return (rows as { line: string }[]).map(({ line }) => line);
      }),
  };
  return { store, ledger, advance: (ms) => clock.advance(ms) };
}

/** Uses a connection of its own, beside the store's. */
function withConnection<T>(
  driver: DriverUnderTest,
  path: string,
  work: (database: SqliteDatabase) => T,
): T {
  const database = driver.open(path);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

function openInbox(driver: DriverUnderTest): InboxSubject {
  const clock = createManualClock();
  const path = temporaryFile();
  const file = { path, driver: driver.name, clock };
  const open = () =>
    driver.use(() =>
      sqliteInbox({
        ...file,
        leaseDurationMs: LEASE_MS,
        cleanupIntervalMs: 500,
        retention: RETENTION,
      }),
    );
  // The store uses the shared clock; the timers of this inbox use a clock that stands still.
  const openSleeper = () =>
    driver.use(() => pollingInbox(sqliteStore(file), { clock: createManualClock() }));
  const inbox = open();
  const advance = async (ms: number) => {
    await clock.advance(ms);
    // Waits for the disk: when this write is on disk, all earlier ones are as well.
    await inbox.discard({ endpoint: 'unknown', taskId: 'unknown' });
    await clock.flush();
  };
  return {
    inbox,
    advance,
    leaseDurationMs: LEASE_MS,
    retention: RETENTION,
    openPeer: open,
    openSleeper,
  };
}
