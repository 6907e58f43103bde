import type { Store } from '@novita-webhooks/core';
import { postgresStore, type PostgresQuery } from '@novita-webhooks/inbox-postgres';
import type { Pool } from 'pg';

/** What PostgreSQL did for a statement. */
export interface Plan {
  /** Each node, with the table or index that it read. */
  readonly nodes: readonly string[];
  /** Tables that were read from one end to the other. */
  readonly wholeTables: readonly string[];
  /** The most rows that any node had to do with, those that it threw away included. */
  readonly mostRows: number;
  /** Of tables and indexes that it looked at, also in functions. */
  readonly pages: number;
  /** Rows of tables that it looked at, also in functions. */
  readonly fetched: number;
  /** What it wrote to the log: without any, its commit waits for nothing. */
  readonly walRecords: number;
}

/** By this connection, since it last reported. */
const FETCHED = `
SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::integer AS rows
FROM pg_stat_xact_user_tables WHERE schemaname = $1 AND relname <> 'counts'`;

/** Does something with a store, and says how each of its statements was carried out. Changes nothing. */
export async function explain(
  pool: Pool,
  schema: string,
  work: (store: Store) => Promise<unknown>,
): Promise<Plan[]> {
  const client = await pool.connect();
  const plans: Plan[] = [];
  const store = postgresStore({
    schema,
    pool: {
      connect: async () => ({
        async query({ text, values }: PostgresQuery) {
          if (/^\s*(SELECT|WITH)/.test(text) && !text.includes('.migrations')) {
            const explained = {
              text: `EXPLAIN (ANALYZE, BUFFERS, WAL, FORMAT JSON) ${text}`,
              values: values ?? [],
            };
            await client.query('BEGIN');
            const before = await client.query<{ rows: number }>(FETCHED, [schema]);
            const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Node }] }>(explained);
            const after = await client.query<{ rows: number }>(FETCHED, [schema]);
            await client.query('ROLLBACK');
            const plan = rows[0]?.['QUERY PLAN'][0].Plan;
            const fetched = (after.rows[0]?.rows ?? NaN) - (before.rows[0]?.rows ?? NaN);
            if (plan) plans.push(toPlan(flatten(plan), fetched));
          }
          return client.query(text, values);
        },
        release: () => undefined,
      }),
    },
  });
  try {
    await work(store);
    return plans;
  } finally {
    await store.close();
    client.release();
  }
}

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Join Filter'?: number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly 'WAL Records': number;
  readonly Plans?: readonly Node[];
}

const flatten = (node: Node): readonly Node[] => [node, ...(node.Plans ?? []).flatMap(flatten)];

function toPlan(nodes: readonly Node[], fetched: number): Plan {
  const isWhole = (node: Node) => node['Node Type'] === 'Seq Scan' && node['Actual Loops'] > 0;
  const [root] = nodes;
  return {
    fetched,
    pages: (root?.['Shared Hit Blocks'] ?? 0) + (root?.['Shared Read Blocks'] ?? 0),
    walRecords: root?.['WAL Records'] ?? 0,
    nodes: nodes.map((node) =>
      [node['Node Type'], node['Index Name'] ?? node['Relation Name']].filter(Boolean).join(' '),
    ),
    wholeTables: nodes.filter(isWhole).map((node) => node['Relation Name'] ?? ''),
    mostRows: Math.max(
      ...nodes.map(
        (node) =>
          (node['Actual Rows'] +
            (node['Rows Removed by Filter'] ?? 0) +
            (node['Rows Removed by Join Filter'] ?? 0)) *
          node['Actual Loops'],
      ),
    ),
  };
}
