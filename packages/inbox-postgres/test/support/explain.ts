import type { Store } from '@novita-webhooks/core';
import { postgresStore, type PostgresQuery } from '@novita-webhooks/inbox-postgres';
import type { Pool } from 'pg';

/** How PostgreSQL executed a statement. */
export interface Plan {
  /** The nodes of the plan, with the table or index that each read. */
  readonly nodes: readonly string[];
  /** Tables that were read as a whole. */
  readonly wholeTables: readonly string[];
  /** The rows of the largest node, those that a filter removed included. */
  readonly maxRows: number;
  /** Pages of tables and indexes that it read, also in functions. */
  readonly pages: number;
  /** Rows of tables that it fetched, also in functions. */
  readonly fetched: number;
  /** The planner's estimate. From `jit_above_cost` on, 100,000 by default, it compiles the statement. */
  readonly cost: number;
  /** WAL records that it wrote. Without any, its commit waits for no disk and no standby. */
  readonly walRecords: number;
}

/** Rows that this connection has fetched since it last reported its statistics. */
const FETCHED = `
SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::integer AS rows
FROM pg_stat_xact_user_tables WHERE schemaname = $1 AND relname <> 'counts'`;

/** Runs `work` on a store, and returns the plan of each of its statements. Every EXPLAIN is rolled back. */
export async function explain(
  pool: Pool,
  schema: string,
  work: (store: Store) => unknown,
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
  readonly 'Total Cost': number;
  readonly Plans?: readonly Node[];
}

const flatten = (node: Node): readonly Node[] => [node, ...(node.Plans ?? []).flatMap(flatten)];

function toPlan(nodes: readonly Node[], fetched: number): Plan {
  const isWhole = (node: Node) => node['Node Type'] === 'Seq Scan' && node['Actual Loops'] > 0;
  const [root] = nodes;
  return {
    fetched,
    pages: (root?.['Shared Hit Blocks'] ?? 0) + (root?.['Shared Read Blocks'] ?? 0),
    cost: root?.['Total Cost'] ?? NaN,
    walRecords: root?.['WAL Records'] ?? 0,
    nodes: nodes.map((node) =>
      [node['Node Type'], node['Index Name'] ?? node['Relation Name']].filter(Boolean).join(' '),
    ),
    wholeTables: nodes.filter(isWhole).map((node) => node['Relation Name'] ?? ''),
    maxRows: Math.max(
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
