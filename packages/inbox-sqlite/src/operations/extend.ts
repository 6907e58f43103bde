import type { Fence } from '@novita-webhooks/core';

import type { Connection } from '../connection.ts';

const EXTEND = `
UPDATE novita_entries SET due_at = :dueAt
WHERE task_id = :taskId AND endpoint = :endpoint AND fence = :fence`;

export function extend(
  connection: Connection,
  { endpoint, taskId, fence }: Fence,
  dueAt: number,
): boolean {
  const { changes } = connection.statement(EXTEND).run({ endpoint, taskId, fence, dueAt });
  return Number(changes) > 0;
}
