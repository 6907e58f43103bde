import { postgresInbox } from '@novita-webhooks/inbox-postgres';
import { randomBytes } from 'node:crypto';
import pg from 'pg';

import { serverCpuMs } from './server-cpu.ts';
import type { Engine, Plain } from './engine.ts';

const url = process.env['DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';

/** Per process. This is the default of pg. */
const CONNECTIONS = 10;

const connect = (max: number) => {
  const pool = new pg.Pool({ connectionString: url, max, connectionTimeoutMillis: 3000 });
  pool.on('error', () => undefined); // the next query rejects
  return pool;
};

/** One table with the columns and indexes that an inbox needs. */
const createPlain = (schema: string) => `
CREATE TABLE ${schema}.plain_entries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  endpoint text NOT NULL, task_id text NOT NULL,
  status text NOT NULL, body text NOT NULL, schema_error text, metadata jsonb NOT NULL,
  test_mode boolean NOT NULL, received_at timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'pending', attempts integer NOT NULL DEFAULT 0,
  succeeded_handlers jsonb NOT NULL DEFAULT '[]', reason text, due_at timestamptz DEFAULT now(),
  fencing_token text, finished_at timestamptz,
  UNIQUE (endpoint, task_id)
);
CREATE INDEX ON ${schema}.plain_entries (endpoint, due_at) WHERE due_at IS NOT NULL;`;

const insertPlain = (schema: string) => `
INSERT INTO ${schema}.plain_entries
  (endpoint, task_id, status, body, schema_error, metadata, test_mode, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8 / 1000.0))
ON CONFLICT DO NOTHING RETURNING id`;

const SIZE = `
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::float8 AS kept,
       pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 AS logged
FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p')`;

const SETTINGS = `
SELECT current_setting('server_version') || ', shared_buffers ' || current_setting('shared_buffers')
  || ', fsync ' || current_setting('fsync') || ', synchronous_commit '
  || current_setting('synchronous_commit') || ', autovacuum ' || current_setting('autovacuum')
  AS settings`;

const TABLES = ['events', 'pending_entries', 'finished_entries'];

export const postgres: Engine = {
  shared: true,
  plain: 'INSERT … ON CONFLICT DO NOTHING, a prepared statement on the same pool',
  async describe() {
    const pool = connect(1);
    try {
      const { rows } = await pool.query<{ settings: string }>(SETTINGS);
      return `${rows[0]?.settings}; ${CONNECTIONS} connections per process`;
    } finally {
      await pool.end();
    }
  },
  async createPlace() {
    const schema = `bench_${randomBytes(6).toString('hex')}`;
    const pool = connect(1);
    const plain = `${schema}_plain`;
    await pool.query(`CREATE SCHEMA ${plain}; ${createPlain(plain)}`);
    return {
      location: schema,
      async size() {
        const { rows } = await pool.query<{ kept: number; logged: number }>(SIZE, [schema]);
        return rows[0] ?? { kept: NaN, logged: NaN };
      },
      async maintain() {
        await pool.query(TABLES.map((table) => `ANALYZE ${schema}.${table}`).join(';'));
      },
      async cpuMs() {
        const { rows } = await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
        return serverCpuMs(rows[0]?.pid ?? NaN);
      },
      async remove() {
        await pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE; DROP SCHEMA ${plain} CASCADE`);
        await pool.end();
      },
    };
  },
  async open(schema) {
    const pool = connect(CONNECTIONS);
    const inbox = postgresInbox({ pool, schema });
    return { inbox, plain: openPlain(pool, `${schema}_plain`), close: () => pool.end() };
  },
};

function openPlain(pool: pg.Pool, schema: string): Plain {
  const text = insertPlain(schema);
  return {
    add: ({ endpoint, taskId, status, body, schemaError, metadata, testMode, receivedAt }) => {
      const json = JSON.stringify(metadata);
      const values = [endpoint, taskId, status, body, schemaError, json, testMode, receivedAt];
      return pool.query({ name: 'plain-insert', text, values });
    },
    async count() {
      const { rows } = await pool.query<{ n: number }>(
        `SELECT count(*)::integer AS n FROM ${schema}.plain_entries`,
      );
      return rows[0]?.n ?? NaN;
    },
  };
}
