import { requireOptions, validate, WebhookError } from '@novita-webhooks/core';
import * as z from 'zod';

import type { PostgresPool } from './pool.ts';
import { DEFAULT_SCHEMA, isSchemaName, quoteSchema, SCHEMA_NAME_RULE } from './schema.ts';

/** Which database a store uses, and its timeouts. */
export interface PostgresStoreOptions<Pool extends PostgresPool = PostgresPool> {
  /** A `Pool` of `pg`, or an object with the same methods. The caller ends it. */
  readonly pool: Pool;
  /** The schema that holds the tables; default `novita_webhooks`. Each inbox needs its own. */
  readonly schema?: string | undefined;
  /**
   * How long to wait for a free connection, and for each answer of the server, in milliseconds; default
   * 5,000. A connection that does not answer in time is closed.
   */
  readonly queryTimeoutMs?: number | undefined;
  /** How long a `context.transaction` may take, in milliseconds; default 60,000. */
  readonly transactionTimeoutMs?: number | undefined;
  /**
   * Whether a consuming process keeps one connection of the pool for notifications; default `true`.
   * Without them, workers find new entries by polling. Through PgBouncer in transaction mode no
   * notification arrives: set `false` there.
   */
  readonly listen?: boolean | undefined;
}

export interface ResolvedOptions<Pool extends PostgresPool> {
  readonly pool: Pool;
  readonly schema: string;
  /** The name of the schema as a quoted SQL identifier. */
  readonly quotedSchema: string;
  readonly queryTimeoutMs: number;
  readonly transactionTimeoutMs: number;
  readonly listen: boolean;
}

/** The longest delay of a timer. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
const TIMEOUT_RULE = `must be a number of milliseconds above 0 and at most ${MAX_TIMEOUT_MS}`;

const hasConnect = (pool: unknown): boolean =>
  typeof (pool as { connect?: unknown } | undefined)?.connect === 'function';

const timeoutMs = z.number(TIMEOUT_RULE).positive(TIMEOUT_RULE).max(MAX_TIMEOUT_MS, TIMEOUT_RULE);
const schemaOption = z.object({
  schema: z.string(SCHEMA_NAME_RULE).refine(isSchemaName, SCHEMA_NAME_RULE).optional(),
});
const storeOptions = schemaOption.extend({
  pool: z.custom(hasConnect, 'must be a Pool of pg or an object with the same methods'),
  queryTimeoutMs: timeoutMs.optional(),
  transactionTimeoutMs: timeoutMs.optional(),
  listen: z.boolean('must be true or false').optional(),
});

/** Names of all options of `postgresStore`. */
export const STORE_OPTIONS: readonly string[] = Object.keys(storeOptions.shape);

/** @throws WebhookError `invalid_option` */
export function resolveOptions<Pool extends PostgresPool>(
  options: PostgresStoreOptions<Pool>,
): ResolvedOptions<Pool> {
  requireOptions('inbox-postgres', options, 'postgresStore({ pool })', STORE_OPTIONS);
  checkOptions(storeOptions, options);
  const { schema = DEFAULT_SCHEMA, queryTimeoutMs = 5000 } = options;
  const { pool, transactionTimeoutMs = 60_000, listen = true } = options;
  const quotedSchema = quoteSchema(schema);
  return { pool, schema, quotedSchema, queryTimeoutMs, transactionTimeoutMs, listen };
}

/** @throws WebhookError `invalid_option` */
export function resolveSchema(options: Pick<PostgresStoreOptions, 'schema'>): string {
  requireOptions('inbox-postgres', options, 'migrationSql({ schema })', STORE_OPTIONS);
  checkOptions(schemaOption, options);
  return quoteSchema(options.schema ?? DEFAULT_SCHEMA);
}

function checkOptions(expected: z.ZodType, options: unknown): void {
  const checked = validate(expected, options);
  if ('value' in checked) return;
  throw new WebhookError('invalid_option', `inbox-postgres: ${checked.fault}.`);
}
