import type { Connection } from '../connection/connection.ts';

const PURGE = `
DELETE FROM novita_entries
WHERE id IN (
  SELECT id FROM novita_entries
  WHERE state = :state AND finished_at <= :before
  ORDER BY finished_at LIMIT :limit
)`;

export interface PurgeOptions {
  readonly state: 'done' | 'dead';
  /** Entries that were settled then or earlier go. */
  readonly before: number;
  readonly limit: number;
}

export function purge(connection: Connection, { state, before, limit }: PurgeOptions): number {
  return Number(connection.statement(PURGE).run({ state, before, limit }).changes);
}
