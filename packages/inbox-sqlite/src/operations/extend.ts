// Prolongs a lease.
import type { ClaimRef } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';

const EXTEND = `
UPDATE novita_entries SET due_at = :dueAt, is_overdue = 0
WHERE task_id = :taskId AND endpoint = :endpoint AND fencing_token = :fencingToken`;

export function extend(
  connection: Connection,
  { endpoint, taskId, fencingToken }: ClaimRef,
  dueAt: number,
): boolean {
  return connection.run(EXTEND, { endpoint, taskId, fencingToken, dueAt }) > 0;
}
