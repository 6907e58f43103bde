import { postgresInbox } from '@novita-webhooks/inbox-postgres';
import { Pool } from 'pg';

const { DATABASE_URL = 'postgres://postgres@127.0.0.1:5432/postgres' } = process.env;

/** What both kinds of process share. The tables of the inbox are made at the first use. */
export const pool = new Pool({ connectionString: DATABASE_URL });
pool.on('error', (error) => console.error('an idle connection was lost:', error.message));

export const inbox = postgresInbox({ pool });
