import type { ClaimRef } from '@novita-webhooks/core';

import { outsideTransaction } from '../client/transaction-guard.ts';
import type { Query } from '../client/database.ts';
import { parseClaimRef } from './claim-ref.ts';
import { toText } from './text.ts';

const recordIn = (table: string): string => `
UPDATE novita_webhooks.${table}
SET succeeded_handlers = ARRAY(
  SELECT unnest(${table}.succeeded_handlers) UNION SELECT json_array_elements_text($4::text::json)
)
FROM novita_webhooks.events
WHERE ${table}.id = $1::bigint AND ${table}.replays = $5::integer AND events.id = ${table}.id
  AND events.task_id = ${outsideTransaction('$2')} AND events.endpoint = $3::text
RETURNING ${table}.id::text AS id`;

const [IN_PENDING, IN_FINISHED] = [recordIn('pending_entries'), recordIn('finished_entries')];

/** Needs no valid fencing token, but one of the same series. */
export async function recordSucceeded(
  query: Query,
  claimRef: ClaimRef,
  names: readonly string[],
): Promise<boolean> {
  const parsed = parseClaimRef(claimRef);
  const [replays] = parsed?.fencingToken.split('_') ?? [];
  if (parsed === undefined || replays === undefined || !/^\d{1,9}$/.test(replays)) return false;
  const { id, taskId, endpoint } = parsed;
  const values = [id, taskId, endpoint, JSON.stringify(names.map(toText)), replays];
  if ((await query<{ id: string }>(IN_PENDING, values)).length > 0) return true;
  return (await query<{ id: string }>(IN_FINISHED, values)).length > 0;
}
