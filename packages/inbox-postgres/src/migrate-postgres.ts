import { createDatabase } from './client/database.ts';
import { migrate, toScript } from './migrations/migrate.ts';
import { resolveOptions, type PostgresStoreOptions } from './options.ts';
import type { PostgresPool } from './pool.ts';
import { DEFAULT_SCHEMA, quoteSchema } from './schema.ts';
import { explain } from './errors.ts';

/** Which database is brought up to date. */
export type MigrateOptions = Pick<PostgresStoreOptions, 'pool' | 'schema' | 'queryTimeoutMs'>;

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
  const { pool, schema, quoted, queryTimeoutMs } = resolveOptions<PostgresPool>({
    queryTimeoutMs: PATIENCE_MS,
    ...options,
  });
  try {
    await migrate(createDatabase({ pool, schema: quoted, queryTimeoutMs }), schema);
  } catch (error) {
    throw explain(error);
  }
}

/**
 * The same as SQL, for tools of your own: one script that can be run again and does nothing then.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * await writeFile('migrations/novita-webhooks.sql', migrationSql());
 */
export function migrationSql(options: Pick<MigrateOptions, 'schema'> = {}): string {
  return toScript(quoteSchema(options.schema ?? DEFAULT_SCHEMA));
}
