import { pollingInbox, type EntryKey } from '@novita-webhooks/core';
import { createManualClock, type InboxSubject, type StoreSubject } from '@novita-webhooks/testing';
import { sqliteInbox, sqliteStore, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';

import {
  describeInboxContract,
  describeStoreContract,
} from '../../../test/support/describe-contract.ts';
import { forkProgram } from '../../../test/support/fork-program.ts';
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
  const execute = (sql: string) => (key: EntryKey) =>
    withConnection(driver, path, (database) => {
      const OF_KEY = 'SELECT id FROM novita_entries WHERE task_id = ? AND endpoint = ?';
      database.prepare(`${sql} WHERE id = (${OF_KEY})`).run(key.taskId, key.endpoint);
    });
  const damage = {
    metadata: execute("UPDATE novita_events SET metadata = '{\"order'"),
    'metadata that is no object': execute("UPDATE novita_events SET metadata = '[1]'"),
    'time of arrival': execute('UPDATE novita_events SET received_at = 9223372036854775807'),
    'succeeded handlers': execute(`UPDATE novita_entries SET succeeded_handlers = '["one'`),
    'succeeded handlers that are no names': execute(
      "UPDATE novita_entries SET succeeded_handlers = '[{}]'",
    ),
    'partial replay': execute(`UPDATE novita_entries SET partial_replay = '{"handlers":7}'`),
  };
  return { store, ledger, damage, advance: (ms) => clock.advance(ms) };
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
  // Its time of day jumps, and its monotonic time is that of all processes.
  const file = { path, driver: driver.name, clock: { ...clock, bootId: 'test' } };
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
    jump: clock.jump,
    startProcess: () =>
      forkProgram(new URL('support/contract-process.ts', import.meta.url), [path, driver.name]),
  };
}
