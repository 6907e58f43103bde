// Deletes finished entries that were kept long enough.
import type { Connection } from '../connection/connection.ts';

const DELETE_EXPIRED = `
DELETE FROM novita_entries
WHERE id IN (
  SELECT id FROM novita_entries
  WHERE state = :state AND finished_at <= :before
  ORDER BY finished_at LIMIT :limit
)`;

export interface DeleteExpiredOptions {
  readonly state: 'done' | 'dead';
  /** Deletes entries that finished at this time or earlier. */
  readonly before: number;
  readonly limit: number;
}

/** @returns the number of deleted entries */
export function deleteExpired(
  connection: Connection,
  { state, before, limit }: DeleteExpiredOptions,
): number {
  return connection.run(DELETE_EXPIRED, { state, before, limit });
}
