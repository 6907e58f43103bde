// A process that migrates a schema and exits.
import { migratePostgres } from '@novita-webhooks/inbox-postgres';
import { Pool } from 'pg';

const [connectionString, schema] = process.argv.slice(2);
const pool = new Pool({ connectionString });
await migratePostgres({ pool, schema });
await pool.end();
