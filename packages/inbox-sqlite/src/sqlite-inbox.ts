import {
  POLLING_INBOX_OPTIONS,
  pollingInbox,
  requireOptions,
  type Inbox,
  type PollingInboxOptions,
} from '@novita-webhooks/core';

import type { SqliteDatabase } from './driver/driver.ts';
import { sqliteStore, type SqliteStoreOptions } from './sqlite-store.ts';

/** Which database the inbox uses, and how it claims and retains entries. */
export type SqliteInboxOptions<Database extends SqliteDatabase = SqliteDatabase> =
  SqliteStoreOptions<Database> & PollingInboxOptions;

const KNOWN = ['path', 'driver', 'database', 'busyTimeoutMs', ...POLLING_INBOX_OPTIONS];

/**
 * Creates a durable inbox in one SQLite file. Everything that the inbox acknowledges is on disk and
 * survives a crash and a power cut. Several processes on one machine may share the file.
 *
 * Uses the first library found: `node:sqlite` (Node 22.13 or later), `better-sqlite3` or `libsql`.
 *
 * A file that cannot be used at the moment does not throw. Deliveries are answered 503 until it can
 * be used.
 *
 * @throws WebhookError `invalid_option` when an option is not valid, when no SQLite library is
 * installed, or when a newer release has migrated the file
 * @example
 * createReceiver({ secret, inbox: sqliteInbox({ path: 'webhooks.db' }) });
 */
export function sqliteInbox<Database extends SqliteDatabase = SqliteDatabase>(
  options: SqliteInboxOptions<Database>,
): Inbox<Database> {
  requireOptions('inbox-sqlite', options, "sqliteInbox({ path: 'webhooks.db' })", KNOWN);
  const { path, driver, database, busyTimeoutMs, ...polling } = options;
  const { clock } = polling;
  return pollingInbox(sqliteStore({ path, driver, database, busyTimeoutMs, clock }), polling);
}
