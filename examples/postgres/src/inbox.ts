import { postgresInbox } from '@novita-webhooks/inbox-postgres';
import { Pool } from 'pg';

const { DATABASE_URL = 'postgres://postgres@127.0.0.1:5432/postgres' } = process.env;

/** Shared by web processes and workers. The first use of the inbox creates its tables. */
export const pool = new Pool({ connectionString: DATABASE_URL });
pool.on('error', (error) => console.error('pool: an idle connection broke:', error.message));

export const inbox = postgresInbox({ pool });
