import type { Outcome } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import type { ParsedClaimRef } from './claim-ref.ts';
import { parseNumber, type TextRow } from './row.ts';
import { toDelay, toErrorGroup, toText, toTextOrNull } from './text.ts';

const SETTLE = 'SELECT n::text AS n FROM novita_webhooks.settle($1::text) AS n';

export interface Settlement extends ParsedClaimRef {
  readonly outcome: Outcome;
}

/**
 * Records the outcomes of attempts.
 *
 * @returns for each outcome whether its fencing token was valid
 */
export async function settle(query: Query, settlements: readonly Settlement[]): Promise<boolean[]> {
  const rows = await query<TextRow<'n'>>(SETTLE, [JSON.stringify(settlements.map(toInput))]);
  const settled = new Set(rows.map(({ n }) => parseNumber(n)));
  return settlements.map((_, n) => settled.has(n));
}

function toInput({ outcome, ...claimRef }: Settlement, n: number): Record<string, unknown> {
  const reason = 'reason' in outcome ? toTextOrNull(outcome.reason ?? null) : null;
  return {
    ...claimRef,
    n,
    type: outcome.type,
    delayMs: 'delayMs' in outcome ? toDelay(outcome.delayMs) : 0,
    reason,
    errorGroup: toErrorGroup(reason),
    // A done entry needs no names: a replay of it runs every handler.
    succeededHandlers: outcome.type === 'done' ? [] : outcome.succeededHandlers.map(toText),
    attemptLog: outcome.attemptLog && JSON.stringify(outcome.attemptLog),
  };
}
