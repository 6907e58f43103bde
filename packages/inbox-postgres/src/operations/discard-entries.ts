import type { EntryTarget } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { parseNumber, type TextRow } from './row.ts';
import { IS_FINISHED_TARGET, IS_PENDING_TARGET, TARGETS, toInput } from './targets.ts';

const DISCARD = `
WITH ${TARGETS}, pending AS (
  DELETE FROM novita_webhooks.pending_entries USING targets
  WHERE ${IS_PENDING_TARGET} AND pending_entries.fencing_token IS NULL
  RETURNING pending_entries.id
), finished AS (
  DELETE FROM novita_webhooks.finished_entries USING targets
  WHERE ${IS_FINISHED_TARGET}
  RETURNING finished_entries.id
), discarded AS (
  DELETE FROM novita_webhooks.events
  WHERE id = ANY (ARRAY(SELECT id FROM pending UNION ALL SELECT id FROM finished))
  RETURNING id
)
SELECT count(*)::text AS discarded FROM discarded`;

/**
 * Deletes entries that are not running.
 *
 * @returns how many were deleted
 */
export async function discardEntries(
  query: Query,
  targets: readonly EntryTarget[],
): Promise<number> {
  const [row] = await query<TextRow<'discarded'>>(DISCARD, [toInput(targets)]);
  return parseNumber(row?.discarded ?? '0');
}
