import { randomUUID } from 'node:crypto';

import type { Claim } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import { selectEntry, toEntry, type Row } from './row.ts';
import { toMs } from './time.ts';

/** Selects pending entries that are due, and running entries whose lease has expired. */
const SELECT_DUE = `
${selectEntry()}
WHERE endpoint = :endpoint AND novita_entries.due_at <= :now
ORDER BY novita_entries.due_at, id LIMIT :limit`;

/** The token begins with the series of attempts. See `recordSucceeded`. */
const MARK_CLAIMED = `
UPDATE novita_entries
SET state = 'running', attempts = attempts + 1, due_at = :dueAt, is_overdue = 0,
    fencing_token = id || '.' || replays || '.' || :token
WHERE id IN (SELECT value FROM json_each(:ids))`;

const MARK_OVERDUE = `
UPDATE novita_entries SET due_at = :dueAt, is_overdue = 1
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
  const { claimable, overdue } = sortOut(rows);
  if (overdue.length > 0) {
    const dueAt = toMs(now + leaseDurationMs / 2);
    connection.run(MARK_OVERDUE, { dueAt, ids: JSON.stringify(overdue) });
  }
  if (claimable.length === 0) return [];
  return lease(connection, claimable, toMs(now + leaseDurationMs));
}

/** A running entry is only marked at the first look, and claimed alone at the second. */
function sortOut(rows: readonly Row[]): { claimable: readonly Row[]; overdue: readonly number[] } {
  const claimable: Row[] = [];
  const overdue: number[] = [];
  for (const row of rows) {
    if (row.state === 'pending') claimable.push(row);
    else if (row.is_overdue === 0) overdue.push(row.id);
    else return { claimable: claimable.length > 0 ? claimable : [row], overdue };
  }
  return { claimable, overdue };
}

function lease(connection: Connection, rows: readonly Row[], dueAt: number): Claim[] {
  const token = randomUUID();
  const ids = JSON.stringify(rows.map(({ id }) => id));
  connection.run(MARK_CLAIMED, { dueAt, token, ids });
  return rows.map((row) => ({
    fencingToken: `${row.id}.${row.replays}.${token}`,
    isTakeover: row.state === 'running',
    ...toEntry({ ...row, state: 'running', attempts: row.attempts + 1, due_at: dueAt }),
  }));
}
