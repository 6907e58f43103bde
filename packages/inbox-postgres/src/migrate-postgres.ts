import { requireOptions } from '@novita-webhooks/core';

import { createDatabase } from './client/database.ts';
import { toInboxError } from './errors.ts';
import { migrate, toScript } from './migrations/migrate.ts';
import {
  resolveOptions,
  resolveSchema,
  STORE_OPTIONS,
  type PostgresStoreOptions,
} from './options.ts';
import type { PostgresPool } from './pool.ts';

/** Which schema is migrated. `queryTimeoutMs` limits each statement; default 1 hour. */
export type MigrateOptions = Pick<PostgresStoreOptions, 'pool' | 'schema' | 'queryTimeoutMs'>;

/** A migration may rewrite large tables. */
const DEFAULT_TIMEOUT_MS = 60 * 60 * 1000;

/**
 * Creates the tables, or migrates them to this release. For deployments in which the role of the
 * application may not do so. Does nothing if the schema is up to date.
 *
 * @throws WebhookError `invalid_option` if a newer release has migrated the schema,
 * `inbox_unavailable` if the server fails or refuses
 * @example
 * await migratePostgres({ pool: new Pool({ connectionString: process.env.OWNER_URL }) });
 */
export async function migratePostgres(options: MigrateOptions): Promise<void> {
  requireOptions('inbox-postgres', options, 'migratePostgres({ pool })', STORE_OPTIONS);
  const { pool, schema, quotedSchema, queryTimeoutMs } = resolveOptions<PostgresPool>({
    queryTimeoutMs: DEFAULT_TIMEOUT_MS,
    ...options,
  });
  try {
    await migrate(createDatabase({ pool, schema: quotedSchema, queryTimeoutMs }), schema);
  } catch (error) {
    throw toInboxError(error);
  }
}

/**
 * Returns the same migrations as one SQL script, for other migration tools. The script can be run
 * again: it skips what is done.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * await writeFile('migrations/novita-webhooks.sql', migrationSql());
 */
export function migrationSql(options: Pick<MigrateOptions, 'schema'> = {}): string {
  return toScript(resolveSchema(options));
}
