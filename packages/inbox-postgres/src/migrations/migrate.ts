import { WebhookError } from '@novita-webhooks/core';

import type { Database, Query } from '../client/database.ts';
import { isMissingObject } from '../errors.ts';
import { inSchema } from '../schema.ts';
import { tables } from './001-tables.ts';
import { functions } from './002-functions.ts';

/** In order: the version of a schema is how many ran. A released migration must not change. */
const MIGRATIONS = [tables, functions] as const;

const SELECT_VERSION = 'SELECT max(version)::integer AS version FROM novita_webhooks.migrations';

/** `CREATE SCHEMA IF NOT EXISTS` needs a privilege that the owner of the schema may lack. */
const SELECT_SCHEMA = 'SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1';

const CREATE_MIGRATIONS = `
CREATE TABLE IF NOT EXISTS novita_webhooks.migrations (
  version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)`;

/** The key of the advisory lock: one for all schemas, since migrations are rare. */
const LOCK_KEY = '7021450853122361905';

/**
 * Migrates a schema to this release. Processes may call this at the same time: one migrates, the
 * others wait and find nothing to do. A schema that is up to date needs only the privilege to read it.
 *
 * @throws WebhookError `invalid_option` if a newer release has migrated the schema
 */
export async function migrate(database: Database, schema: string): Promise<void> {
  if ((await readVersionIfAny(database)) === MIGRATIONS.length) return;
  await database.transaction(async (query) => {
    await query('SET LOCAL statement_timeout TO 0'); // the timeout of the pool is for frequent statements
    await query('SELECT pg_advisory_xact_lock($1::bigint)', [LOCK_KEY]);
    const [exists] = await query(SELECT_SCHEMA, [schema]);
    if (exists === undefined) await query('CREATE SCHEMA novita_webhooks');
    await query(CREATE_MIGRATIONS);
    await applyMissing(query);
  });
}

async function applyMissing(query: Query): Promise<void> {
  const version = await readVersion(query);
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index < version) continue;
    await query(sql);
    await query('INSERT INTO novita_webhooks.migrations VALUES ($1::integer)', [index + 1]);
  }
}

async function readVersionIfAny({ query }: Database): Promise<number> {
  try {
    return await readVersion(query);
  } catch (error) {
    if (isMissingObject(error)) return 0;
    throw error;
  }
}

async function readVersion(query: Query): Promise<number> {
  const [row] = await query<{ version: number | null }>(SELECT_VERSION);
  const version = row?.version ?? 0;
  if (version > MIGRATIONS.length) throw tooNew(version);
  return version;
}

function tooNew(version: number): WebhookError {
  return new WebhookError(
    'invalid_option',
    `inbox-postgres: the schema has version ${version}, but this release of ` +
      `@novita-webhooks/inbox-postgres knows versions up to ${MIGRATIONS.length}. Update the package.`,
  );
}

/**
 * Returns all migrations as one SQL script, for other migration tools. The script skips what is done.
 *
 * @param quoted the name of the schema as a quoted SQL identifier
 */
export function toScript(quoted: string): string {
  const steps = MIGRATIONS.map(
    (sql, index) => `
  IF NOT EXISTS (SELECT FROM novita_webhooks.migrations WHERE version = ${index + 1}) THEN
${sql}
    INSERT INTO novita_webhooks.migrations VALUES (${index + 1});
  END IF;`,
  );
  const script = `
DO $migration$
BEGIN
  PERFORM pg_advisory_xact_lock(${LOCK_KEY});
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = ${SCHEMA_NAME}) THEN
    CREATE SCHEMA novita_webhooks;
  END IF;
  ${CREATE_MIGRATIONS.trim()};
${steps.join('\n')}
END $migration$;
`;
  return inSchema(script, quoted).replace(SCHEMA_NAME, () => toLiteral(quoted));
}

/** A placeholder, replaced by the name as a string literal. */
const SCHEMA_NAME = '/* name of the schema */';

/** A quoted identifier as a string literal. */
function toLiteral(quoted: string): string {
  const name = quoted.slice(1, -1).replaceAll('""', '"');
  return `'${name.replaceAll("'", "''")}'`;
}
