import { randomUUID } from 'node:crypto';

import type { Claim } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import { SELECT_ENTRY, toEntry, type Row } from './row.ts';
import { toMs } from './time.ts';

/** Selects pending entries that are due, and running entries whose lease has expired. */
const SELECT_DUE = `
${SELECT_ENTRY}
WHERE endpoint = :endpoint AND due_at <= :now
ORDER BY due_at, id LIMIT :limit`;

const MARK_CLAIMED = `
UPDATE novita_entries
SET state = 'running', attempts = attempts + 1, due_at = :dueAt, fencing_token = :fencingToken
WHERE id IN (SELECT value FROM json_each(:ids))`;

export interface ClaimOptions {
  readonly endpoint: string;
  readonly limit: number;
  readonly leaseDurationMs: number;
  readonly now: number;
}

export function claim(
  connection: Connection,
  { endpoint, limit, leaseDurationMs, now }: ClaimOptions,
): Claim[] {
  const rows = connection.all(SELECT_DUE, { endpoint, now, limit }) as Row[];
  if (rows.length === 0) return [];
  const dueAt = toMs(now + leaseDurationMs);
  // All entries of one claim share a token, which is valid only together with an entry's key.
  const fencingToken = randomUUID();
  const ids = JSON.stringify(rows.map(({ id }) => id));
  connection.run(MARK_CLAIMED, { dueAt, fencingToken, ids });
  return rows.map((row) => ({
    ...toEntry({ ...row, state: 'running', attempts: row.attempts + 1, due_at: dueAt }),
    fencingToken,
  }));
}
