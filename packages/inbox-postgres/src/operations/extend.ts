import type { Query } from '../client/database.ts';
import type { ParsedClaimRef } from './claim-ref.ts';
import { toDelay } from './text.ts';

const EXTEND = 'SELECT n FROM novita_webhooks.extend($1::text) AS n';

export interface Extension extends ParsedClaimRef {
  readonly leaseDurationMs: number;
}

/**
 * Extends leases.
 *
 * @returns for each lease whether its fencing token is valid
 */
export async function extend(query: Query, extensions: readonly Extension[]): Promise<boolean[]> {
  const input = extensions.map((extension, n) => ({
    ...extension,
    n,
    leaseDurationMs: toDelay(extension.leaseDurationMs),
  }));
  const rows = await query<{ n: number }>(EXTEND, [JSON.stringify(input)]);
  const extended = new Set(rows.map(({ n }) => n));
  return extensions.map((_, n) => extended.has(n));
}
