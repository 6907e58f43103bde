import type { Outcome } from '@novita-webhooks/core';

import type { Query } from '../database.ts';
import { HELD, type Held } from './fence.ts';
import { outside } from './guard.ts';
import { toDelay, toText } from './text.ts';

/** Within a series none that was handled is taken away. */
const SETTLE = `
WITH input AS MATERIALIZED (
  SELECT * FROM json_to_recordset((${outside('$1')})::json) AS input (
    n integer, id bigint, fence text, endpoint text, "taskId" text,
    type text, "delayMs" float8, reason text, succeeded json
  )
), ${HELD}, named AS MATERIALIZED (
  SELECT held.*, ARRAY(
    SELECT unnest(handled) UNION SELECT json_array_elements_text(succeeded)
  ) AS united
  FROM held
), ended AS (
  DELETE FROM novita_webhooks.work USING named
  WHERE work.id = named.id AND named.type IN ('done', 'dead')
), kept AS (
  INSERT INTO novita_webhooks.settled (id, state, attempts, handled, reason, settled_at)
  SELECT id, type, attempts, united, reason, clock_timestamp()
  FROM named WHERE type IN ('done', 'dead')
), waiting AS (
  UPDATE novita_webhooks.work
  SET fence = NULL,
      due_at = clock_timestamp() + named."delayMs" * interval '1 millisecond',
      attempts = work.attempts - CASE named.type WHEN 'released' THEN 1 ELSE 0 END,
      reason = CASE named.type WHEN 'released' THEN named.reason_before ELSE named.reason END,
      handled = named.united
  FROM named WHERE work.id = named.id AND named.type IN ('again', 'released')
)
SELECT n FROM named`;

export interface Settlement extends Held {
  readonly outcome: Outcome;
}

/** @returns for each whether its fence was valid */
export async function settle(query: Query, settlements: readonly Settlement[]): Promise<boolean[]> {
  const rows = await query<{ n: number }>(SETTLE, [JSON.stringify(settlements.map(toInput))]);
  const settled = new Set(rows.map(({ n }) => n));
  return settlements.map((_, n) => settled.has(n));
}

function toInput({ outcome, ...held }: Settlement, n: number): Record<string, unknown> {
  return {
    ...held,
    n,
    type: outcome.type,
    delayMs: 'delayMs' in outcome ? toDelay(outcome.delayMs) : 0,
    reason: 'reason' in outcome ? toText(outcome.reason) : null,
    succeeded: 'handled' in outcome ? outcome.handled.map(toText) : [],
  };
}
