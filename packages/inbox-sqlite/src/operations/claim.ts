import { randomUUID } from 'node:crypto';

import type { Claim } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import { SELECT_ENTRY, toEntry, type Row } from './row.ts';
import { toMs } from './time.ts';

/** Waiting and due, or running under a lease that has ended. */
const SELECT_DUE = `
${SELECT_ENTRY}
WHERE endpoint = :endpoint AND due_at <= :now
ORDER BY due_at, id LIMIT :limit`;

const LEASE = `
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
  const rows = connection.statement(SELECT_DUE).all({ endpoint, now, limit }) as Row[];
  if (rows.length === 0) return [];
  const dueAt = toMs(now + leaseDurationMs);
  const fencingToken = randomUUID(); // one for all that are claimed together: each is valid with its key only
  const ids = JSON.stringify(rows.map(({ id }) => id));
  connection.statement(LEASE).run({ dueAt, fencingToken, ids });
  return rows.map((row) => ({
    ...toEntry({ ...row, state: 'running', attempts: row.attempts + 1, due_at: dueAt }),
    fencingToken,
  }));
}
