import { pollingInbox, type Inbox, type PollingInboxOptions } from '@novita-webhooks/core';

import type { SqliteDatabase } from './driver/driver.ts';
import { sqliteStore, type SqliteStoreOptions } from './sqlite-store.ts';

/** Which database, and how it is consumed. */
export type SqliteInboxOptions<Database extends SqliteDatabase = SqliteDatabase> =
  SqliteStoreOptions<Database> & PollingInboxOptions;

/**
 * A durable inbox in one SQLite file. What it has acknowledged is on disk, and survives the end of
 * the process and of the power. Several processes on one machine may share the file.
 *
 * It takes `node:sqlite` (Node ≥ 22.13), `better-sqlite3` or `libsql`, whichever is there.
 *
 * @throws WebhookError `invalid_option`: no SQLite library is installed, the file was written by a
 * newer version, or an option makes no sense. A file that cannot be used for now is no reason to
 * throw: deliveries are answered 503 until it can.
 * @example
 * createReceiver({ secret, inbox: sqliteInbox({ path: 'webhooks.db' }) });
 */
export function sqliteInbox<Database extends SqliteDatabase = SqliteDatabase>(
  options: SqliteInboxOptions<Database>,
): Inbox<Database> {
  const { path, driver, database, busyTimeoutMs, ...polling } = options;
  const { clock } = polling;
  return pollingInbox(sqliteStore({ path, driver, database, busyTimeoutMs, clock }), polling);
}
