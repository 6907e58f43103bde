import { pollingInbox, type Inbox, type PollingInboxOptions } from '@novita-webhooks/core';

import type { PostgresStoreOptions } from './options.ts';
import type { ClientOf, PostgresPool } from './pool.ts';
import { postgresStore } from './postgres-store.ts';

/** Which database, and how it is consumed. */
export type PostgresInboxOptions<Pool extends PostgresPool = PostgresPool> =
  PostgresStoreOptions<Pool> & PollingInboxOptions;

/**
 * A durable inbox in PostgreSQL (13 and up), for any number of web processes and workers. What it has
 * acknowledged is committed there.
 *
 * It takes a `Pool` of `pg`. The tables are made at the first use, in a schema of their own. A server
 * that cannot be reached is no reason to throw: deliveries are answered 503 until it can.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * const pool = new Pool({ connectionString: process.env.DATABASE_URL });
 * createReceiver({ secret, inbox: postgresInbox({ pool }) });
 */
export function postgresInbox<Pool extends PostgresPool>(
  options: PostgresInboxOptions<Pool>,
): Inbox<ClientOf<Pool>> {
  const { pool, schema, queryTimeoutMs, transactionTimeoutMs, listen, ...polling } = options;
  return pollingInbox(
    postgresStore({ pool, schema, queryTimeoutMs, transactionTimeoutMs, listen }),
    polling,
  );
}
