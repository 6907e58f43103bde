import { WebhookError } from '@novita-webhooks/core';

import type { Database, Query } from '../client/database.ts';
import { tables } from './001-tables.ts';
import { functions } from './002-functions.ts';
import { inSchema } from '../schema.ts';
import { isOfSchema } from '../errors.ts';

/** In order; a schema's version is how many of them it has seen. Never change one that was released. */
const MIGRATIONS = [tables, functions] as const;

const SELECT_VERSION = 'SELECT max(version)::integer AS version FROM novita_webhooks.migrations';

/** Asked first: creating what is there takes a right that the owner of the schema may not have. */
const SCHEMA_EXISTS = 'SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1';

const CREATE_VERSIONS = `
CREATE TABLE IF NOT EXISTS novita_webhooks.migrations (
  version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)`;

/**
 * Brings a schema up to date. Processes that start at the same time may all call this: the first one
 * migrates, the others wait for it and find nothing left to do. One that is up to date takes no more
 * than the right to read it.
 *
 * @throws WebhookError `invalid_option` when a newer release has changed the schema
 */
export async function migrate(database: Database, schema: string): Promise<void> {
  if ((await readVersion(database)) === MIGRATIONS.length) return;
  await database.transaction(async (query) => {
    await query('SET LOCAL statement_timeout TO 0'); // which is meant for what is asked every day
    await query('SELECT pg_advisory_xact_lock($1::bigint)', [LOCK]);
    const [exists] = await query(SCHEMA_EXISTS, [schema]);
    if (exists === undefined) await query('CREATE SCHEMA novita_webhooks');
    await query(CREATE_VERSIONS);
    await apply(query);
  });
}

/** Of this package, whichever schemas it migrates: migrations are rare. */
const LOCK = '7021450853122361905';

async function apply(query: Query): Promise<void> {
  const [row] = await query<{ version: number | null }>(SELECT_VERSION);
  const version = known(row?.version);
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index < version) continue;
    await query(sql);
    await query('INSERT INTO novita_webhooks.migrations VALUES ($1::integer)', [index + 1]);
  }
}

async function readVersion({ query }: Database): Promise<number> {
  try {
    const [row] = await query<{ version: number | null }>(SELECT_VERSION);
    return known(row?.version);
  } catch (error) {
    if (isOfSchema(error)) return 0;
    throw error;
  }
}

/**
 * All of it as one script, for whoever runs migrations with tools of their own. It does nothing where
 * nothing is to be done.
 *
 * @param quoted the schema's name as SQL takes it
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
  PERFORM pg_advisory_xact_lock(${LOCK});
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = ${NAME}) THEN
    CREATE SCHEMA novita_webhooks;
  END IF;
  ${CREATE_VERSIONS.trim()};
${steps.join('\n')}
END $migration$;
`;
  return inSchema(script, quoted).replace(NAME, () => toLiteral(quoted));
}

const NAME = '/* name of the schema */';

/** A quoted name as a string. */
function toLiteral(quoted: string): string {
  const name = quoted.slice(1, -1).replaceAll('""', '"');
  return `'${name.replaceAll("'", "''")}'`;
}

function known(version: number | null | undefined): number {
  if ((version ?? 0) > MIGRATIONS.length) throw changedByNewer(version ?? 0);
  return version ?? 0;
}

function changedByNewer(version: number): WebhookError {
  return new WebhookError(
    'invalid_option',
    `postgresInbox: the schema has version ${version}, and this release of ` +
      `@novita-webhooks/inbox-postgres knows up to ${MIGRATIONS.length}. Update the package`,
  );
}
