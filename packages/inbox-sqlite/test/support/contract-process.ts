// Arguments: the file and the driver.
import { runContractProcess } from '@novita-webhooks/testing';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';

import { presentDrivers } from './drivers.ts';

const [path = '', name] = process.argv.slice(2);
const driver = presentDrivers.find((present) => present.name === name);
if (driver === undefined) throw new Error(`contract-process: no driver ${String(name)}`);
await runContractProcess((options) =>
  driver.use(() => sqliteInbox({ path, driver: driver.name, ...options })),
);
