import type { EntryTarget } from '@novita-webhooks/core';

import { toMilliseconds } from './row.ts';

/**
 * The targets as rows: `$1` is the JSON of `toInput`. In the order of ids, so that two calls with
 * common targets rarely deadlock.
 */
export const TARGETS = `
targets AS MATERIALIZED (
  SELECT events.id, events.endpoint, input.replays, input."hasFinishedAt", input."finishedAt"
  FROM json_to_recordset($1::text::json) AS input (
    endpoint text, "taskId" text, replays integer, "hasFinishedAt" boolean, "finishedAt" float8
  )
  JOIN novita_webhooks.events
    ON events.task_id = input."taskId" AND events.endpoint = input.endpoint
  ORDER BY events.id
)`;

/**
 * SQL: whether a row is the entry of a target, and as the target was listed. An index can look up `ANY`, while for
 * an equality the planner may read the whole table, as long as nothing has analyzed it.
 */
const isTarget = (table: string, finishedAt: string): string => `
  ${table}.id = ANY (ARRAY[targets.id]) AND ${table}.replays = coalesce(targets.replays, ${table}.replays)
  AND (NOT targets."hasFinishedAt" OR targets."finishedAt" IS NOT DISTINCT FROM ${finishedAt})`;

export const IS_PENDING_TARGET: string = isTarget('pending_entries', 'NULL');
export const IS_FINISHED_TARGET: string = isTarget(
  'finished_entries',
  toMilliseconds('finished_entries.finished_at'),
);

export function toInput(targets: readonly EntryTarget[]): string {
  return JSON.stringify(
    targets.map(({ endpoint, taskId, replays, finishedAt }) => ({
      ...{ endpoint, taskId, replays, finishedAt },
      hasFinishedAt: finishedAt !== undefined,
    })),
  );
}
