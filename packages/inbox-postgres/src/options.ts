import { WebhookError } from '@novita-webhooks/core';

import type { PostgresPool } from './pool.ts';
import { DEFAULT_SCHEMA, quoteSchema } from './schema.ts';

/** Which database, and how patient to be with it. */
export interface PostgresStoreOptions<Pool extends PostgresPool = PostgresPool> {
  /** A pool of `pg`, or of what can be made to look like one. Ending it is up to you. */
  readonly pool: Pool;
  /** Where the tables are; default `novita_webhooks`. One inbox each. */
  readonly schema?: string | undefined;
  /**
   * How long to wait for a free connection, and how long for each answer, in milliseconds; default
   * 5 s. A connection that has not answered by then is closed.
   */
  readonly queryTimeoutMs?: number | undefined;
  /** How long a `context.transaction` may take, in milliseconds; default 1 minute. */
  readonly transactionTimeoutMs?: number | undefined;
  /**
   * Whether to keep a connection of the pool for notifications, which wake workers at once; default
   * `true`. Not through PgBouncer in transaction mode, where none arrive. Without it there is polling.
   */
  readonly listen?: boolean | undefined;
}

export interface ResolvedOptions<Pool extends PostgresPool> {
  readonly pool: Pool;
  readonly schema: string;
  /** The schema's name as SQL takes it. */
  readonly quoted: string;
  readonly queryTimeoutMs: number;
  readonly transactionTimeoutMs: number;
  readonly listen: boolean;
}

/** @throws WebhookError `invalid_option` */
export function resolveOptions<Pool extends PostgresPool>(
  options: PostgresStoreOptions<Pool>,
): ResolvedOptions<Pool> {
  const {
    pool,
    schema = DEFAULT_SCHEMA,
    queryTimeoutMs = 5000,
    transactionTimeoutMs = 60_000,
  } = options;
  const { listen = true } = options;
  if (typeof (pool as { connect?: unknown } | undefined)?.connect !== 'function') {
    throw invalid('pool must be a Pool of pg, or look like one');
  }
  for (const [name, ms] of Object.entries({ queryTimeoutMs, transactionTimeoutMs })) {
    const isTime = typeof ms === 'number' && ms > 0 && ms <= LONGEST_MS;
    if (!isTime) throw invalid(`${name} must be a number of milliseconds above 0`);
  }
  if (typeof listen !== 'boolean') throw invalid('listen must be true or false');
  return {
    pool,
    schema,
    quoted: quoteSchema(schema),
    queryTimeoutMs,
    transactionTimeoutMs,
    listen,
  };
}

/** What a timer takes. */
const LONGEST_MS = 2 ** 31 - 1;

function invalid(message: string): WebhookError {
  return new WebhookError('invalid_option', `postgresInbox: ${message}`);
}
