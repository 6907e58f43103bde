// The public entry: the inbox in PostgreSQL, its store and its migrations.
export { migratePostgres, migrationSql, type MigrateOptions } from './migrate-postgres.ts';
export type { PostgresStoreOptions } from './options.ts';
export type {
  ClientOf,
  PostgresClient,
  PostgresPool,
  PostgresQuery,
  PostgresResult,
} from './pool.ts';
export { postgresInbox, type PostgresInboxOptions } from './postgres-inbox.ts';
export { postgresStore } from './postgres-store.ts';
