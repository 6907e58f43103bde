import { WebhookError } from '@novita-webhooks/core';
import * as v from 'valibot';

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

const isTimeout = (ms: unknown): boolean =>
  typeof ms === 'number' && ms > 0 && ms <= MAX_TIMEOUT_MS;

const OBJECT_RULE = 'options must be an object';
const POOL_RULE = 'must be a Pool of pg or an object with the same methods';

const timeoutMs = v.optional(v.custom<number>(isTimeout, TIMEOUT_RULE));
const schema = v.pipe(v.string(SCHEMA_NAME_RULE), v.check(isSchemaName, SCHEMA_NAME_RULE));
const schemaOption = v.object({ schema: v.optional(schema) }, OBJECT_RULE);
const storeOptions = v.object(
  {
    ...schemaOption.entries,
    pool: v.custom(hasConnect, POOL_RULE),
    queryTimeoutMs: timeoutMs,
    transactionTimeoutMs: timeoutMs,
    listen: v.optional(v.boolean('must be true or false')),
  },
  ({ path }) => (path === undefined ? OBJECT_RULE : POOL_RULE),
);

/** @throws WebhookError `invalid_option` */
export function resolveOptions<Pool extends PostgresPool>(
  options: PostgresStoreOptions<Pool>,
): ResolvedOptions<Pool> {
  checkOptions(storeOptions, options);
  const { schema = DEFAULT_SCHEMA, queryTimeoutMs = 5000 } = options;
  const { pool, transactionTimeoutMs = 60_000, listen = true } = options;
  const quotedSchema = quoteSchema(schema);
  return { pool, schema, quotedSchema, queryTimeoutMs, transactionTimeoutMs, listen };
}

/** @throws WebhookError `invalid_option` */
export function resolveSchema(options: Pick<PostgresStoreOptions, 'schema'>): string {
  checkOptions(schemaOption, options);
  return quoteSchema(options.schema ?? DEFAULT_SCHEMA);
}

function checkOptions(expected: v.GenericSchema, options: unknown): void {
  const { issues = [] } = v.safeParse(expected, options);
  if (issues.length === 0) return;
  const problems = issues.map((issue) => `${v.getDotPath(issue) ?? ''} ${issue.message}`.trim());
  throw new WebhookError('invalid_option', `inbox-postgres: ${problems.join('; ')}.`);
}
