import {
  POLLING_INBOX_OPTIONS,
  pollingInbox,
  requireOptions,
  type Inbox,
  type PollingInboxOptions,
} from '@novita-webhooks/core';

import { STORE_OPTIONS, type PostgresStoreOptions } from './options.ts';
import type { ClientOf, PostgresPool } from './pool.ts';
import { postgresStore } from './postgres-store.ts';

/** Which database an inbox uses, and how its entries are consumed. */
export type PostgresInboxOptions<Pool extends PostgresPool = PostgresPool> =
  PostgresStoreOptions<Pool> & PollingInboxOptions;

const KNOWN = [...STORE_OPTIONS, ...POLLING_INBOX_OPTIONS];

/**
 * Creates a durable inbox in PostgreSQL (13 and up), for any number of web processes and workers. An
 * event is committed before its delivery is acknowledged.
 *
 * The first use creates the tables, in a schema of their own. While the server cannot be reached,
 * deliveries get 503.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * const pool = new Pool({ connectionString: process.env.DATABASE_URL });
 * createReceiver({ secret, inbox: postgresInbox({ pool }) });
 */
export function postgresInbox<Pool extends PostgresPool>(
  options: PostgresInboxOptions<Pool>,
): Inbox<ClientOf<Pool>> {
  requireOptions('inbox-postgres', options, 'postgresInbox({ pool })', KNOWN);
  const { pool, schema, queryTimeoutMs, transactionTimeoutMs, listen, ...polling } = options;
  return pollingInbox(
    postgresStore({ pool, schema, queryTimeoutMs, transactionTimeoutMs, listen }),
    polling,
  );
}
