// Arguments: the file and the driver.
import { runContractProcess } from '@novita-webhooks/testing';
import { sqliteInbox, type SqliteDriver } from '@novita-webhooks/inbox-sqlite';

const [path = '', driver] = process.argv.slice(2);
await runContractProcess((options) =>
  sqliteInbox({ path, driver: driver as SqliteDriver, ...options }),
);
