// Arguments: the address of the server and the schema.
import { runContractProcess } from '@novita-webhooks/testing';
import { postgresInbox } from '@novita-webhooks/inbox-postgres';
import { Pool } from 'pg';

const [connectionString = '', schema = ''] = process.argv.slice(2);
const pool = new Pool({ connectionString, max: 5 });
pool.on('error', () => undefined);
await runContractProcess((options) => postgresInbox({ pool, schema, ...options }));
