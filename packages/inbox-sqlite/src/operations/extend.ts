import type { ClaimRef } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';

const EXTEND = `
UPDATE novita_entries SET due_at = :dueAt
WHERE task_id = :taskId AND endpoint = :endpoint AND fencing_token = :fencingToken`;

export function extend(
  connection: Connection,
  { endpoint, taskId, fencingToken }: ClaimRef,
  dueAt: number,
): boolean {
  const { changes } = connection.statement(EXTEND).run({ endpoint, taskId, fencingToken, dueAt });
  return Number(changes) > 0;
}
