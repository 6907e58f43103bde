import type { Fence, Outcome } from '@novita-webhooks/core';

import type { Connection } from '../connection.ts';
import { UNITE_HANDLED } from './handled.ts';
import { toMs } from './time.ts';

const WITH_FENCE = 'WHERE task_id = :taskId AND endpoint = :endpoint AND fence = :fence';

const DONE = `
UPDATE novita_entries
SET state = 'done', fence = NULL, due_at = NULL, settled_at = :now, reason = NULL
${WITH_FENCE}`;

const DEAD = `
UPDATE novita_entries
SET state = 'dead', fence = NULL, due_at = NULL, settled_at = :now, reason = :reason,
    handled = ${UNITE_HANDLED}
${WITH_FENCE}`;

const AGAIN = `
UPDATE novita_entries
SET state = 'pending', fence = NULL, due_at = :dueAt, reason = :reason,
    handled = ${UNITE_HANDLED}
${WITH_FENCE}`;

const RELEASED = `
UPDATE novita_entries
SET state = 'pending', fence = NULL, due_at = :dueAt, attempts = attempts - 1,
    handled = ${UNITE_HANDLED}
${WITH_FENCE}`;

export function settle(
  connection: Connection,
  { endpoint, taskId, fence }: Fence,
  outcome: Outcome,
  now: number,
): boolean {
  const run = (sql: string, params: Readonly<Record<string, unknown>>) =>
    Number(connection.statement(sql).run({ endpoint, taskId, fence, ...params }).changes) > 0;
  if (outcome.type === 'done') return run(DONE, { now });

  const handled = JSON.stringify(outcome.handled);
  switch (outcome.type) {
    case 'dead':
      return run(DEAD, { now, reason: outcome.reason, handled });
    case 'again':
      return run(AGAIN, { dueAt: toMs(now + outcome.delayMs), reason: outcome.reason, handled });
    case 'released':
      return run(RELEASED, { dueAt: toMs(now + outcome.delayMs), handled });
  }
}
