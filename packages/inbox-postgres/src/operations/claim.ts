import type { Claim } from '@novita-webhooks/core';

import type { Database } from '../client/database.ts';
import { formatFencingToken } from './claim-ref.ts';
import { CLAIMED_COLUMNS, parseBoolean, toEntry, type Row as EntryRow } from './row.ts';
import { toDelay } from './text.ts';

interface Row extends EntryRow {
  readonly fencing_token: string;
  readonly is_takeover: string;
}

const CLAIM = `
SELECT ${CLAIMED_COLUMNS}, fencing_token, is_takeover::text AS is_takeover
FROM novita_webhooks.claim($1::text, $2::integer, $3::float8, $4::text)`;

/**
 * Claims up to `limit` entries. Commits after the answer was read: an answer that is lost leases
 * nothing and spends no attempt.
 *
 * @param leaseDurationMs in milliseconds
 */
export async function claim(
  database: Database,
  endpoint: string,
  limit: number,
  leaseDurationMs: number,
): Promise<Claim[]> {
  const token = crypto.randomUUID(); // shared by the batch: it is valid only together with the id
  const values = [endpoint, limit, toDelay(leaseDurationMs), token];
  const rows = await database.transaction((query) => query<Row>(CLAIM, values));
  return rows.map((row) => ({
    ...toEntry(row),
    fencingToken: formatFencingToken(row.id, row.fencing_token),
    isTakeover: parseBoolean(row.is_takeover),
  }));
}
