import { createDatabase } from './database.ts';
import { migrate } from './migrations.ts';
import { resolveOptions, type PostgresStoreOptions } from './options.ts';
import type { PostgresPool } from './pool.ts';
import { explain } from './troubles.ts';

/** Which database is brought up to date. */
export type MigrateOptions = Pick<PostgresStoreOptions, 'pool' | 'schema' | 'queryMs'>;

/** Migrations may rewrite large tables. */
const PATIENCE_MS = 60 * 60 * 1000;

/**
 * Makes the tables, or brings them up to date: for a deployment in which the processes that use them
 * may not. Does nothing where nothing is to be done.
 *
 * @throws WebhookError `invalid_option` when a newer release has changed the schema,
 * `inbox_unavailable` when the server does not let it
 * @example
 * await migratePostgres({ pool: new Pool({ connectionString: process.env.OWNER_URL }) });
 */
export async function migratePostgres(options: MigrateOptions): Promise<void> {
  const { pool, schema, quoted, queryMs } = resolveOptions<PostgresPool>({
    queryMs: PATIENCE_MS,
    ...options,
  });
  try {
    await migrate(createDatabase({ pool, schema: quoted, queryMs }), schema);
  } catch (error) {
    throw explain(error);
  }
}
