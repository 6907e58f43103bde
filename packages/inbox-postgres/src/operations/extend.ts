import type { Query } from '../database.ts';
import { HELD, type Held } from './fence.ts';
import { outside } from './guard.ts';
import { toDelay } from './text.ts';

const EXTEND = `
WITH input AS MATERIALIZED (
  SELECT * FROM json_to_recordset((${outside('$1')})::json) AS input (
    n integer, id bigint, fence text, endpoint text, "taskId" text, "leaseMs" float8
  )
), ${HELD}
UPDATE novita_webhooks.work
SET due_at = clock_timestamp() + held."leaseMs" * interval '1 millisecond'
FROM held WHERE work.id = held.id
RETURNING held.n`;

export interface Extension extends Held {
  readonly leaseMs: number;
}

/** @returns for each whether its fence is valid */
export async function extend(query: Query, extensions: readonly Extension[]): Promise<boolean[]> {
  const input = extensions.map((extension, n) => ({
    ...extension,
    n,
    leaseMs: toDelay(extension.leaseMs),
  }));
  const rows = await query<{ n: number }>(EXTEND, [JSON.stringify(input)]);
  const extended = new Set(rows.map(({ n }) => n));
  return extensions.map((_, n) => extended.has(n));
}
