// Records the outcome of an attempt.
import { errorGroupOf, type ClaimRef, type Outcome } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import { ALL_SUCCEEDED_HANDLERS } from './succeeded-handlers.ts';
import { toMs } from './time.ts';

const WHERE_CLAIMED =
  'WHERE task_id = :taskId AND endpoint = :endpoint AND fencing_token = :fencingToken';

const DONE = `
UPDATE novita_entries
SET state = 'done', fencing_token = NULL, due_at = NULL, finished_at = :now, reason = NULL,
    error_group = NULL, attempt_log = coalesce(:attemptLog, attempt_log)
${WHERE_CLAIMED}`;

const DEAD = `
UPDATE novita_entries
SET state = 'dead', fencing_token = NULL, due_at = NULL, finished_at = :now, reason = :reason,
    error_group = :errorGroup, attempt_log = coalesce(:attemptLog, attempt_log),
    succeeded_handlers = ${ALL_SUCCEEDED_HANDLERS}
${WHERE_CLAIMED}`;

const RETRY = `
UPDATE novita_entries
SET state = 'pending', fencing_token = NULL, due_at = :dueAt, reason = :reason,
    error_group = :errorGroup, attempt_log = coalesce(:attemptLog, attempt_log),
    succeeded_handlers = ${ALL_SUCCEEDED_HANDLERS}
${WHERE_CLAIMED}`;

const RELEASED = `
UPDATE novita_entries
SET state = 'pending', fencing_token = NULL, due_at = :dueAt, attempts = attempts - 1,
    reason = coalesce(:reason, reason), error_group = coalesce(:errorGroup, error_group),
    succeeded_handlers = ${ALL_SUCCEEDED_HANDLERS}
${WHERE_CLAIMED}`;

export function settle(
  connection: Connection,
  { endpoint, taskId, fencingToken }: ClaimRef,
  outcome: Outcome,
  now: number,
): boolean {
  const run = (sql: string, params: Readonly<Record<string, unknown>>) =>
    connection.run(sql, { endpoint, taskId, fencingToken, ...params }) > 0;
  const dueAt = ({ delayMs }: { readonly delayMs: number }) => toMs(now + delayMs);
  const attemptLog = outcome.attemptLog === undefined ? null : JSON.stringify(outcome.attemptLog);
  if (outcome.type === 'done') return run(DONE, { now, attemptLog });

  const succeededHandlers = JSON.stringify(outcome.succeededHandlers);
  switch (outcome.type) {
    case 'dead':
      return run(DEAD, { now, ...failureOf(outcome), attemptLog, succeededHandlers });
    case 'retry':
      return run(RETRY, {
        ...{ dueAt: dueAt(outcome), ...failureOf(outcome), attemptLog, succeededHandlers },
      });
    case 'released':
      return run(RELEASED, { dueAt: dueAt(outcome), ...failureOf(outcome), succeededHandlers });
  }
}

function failureOf({ reason = null }: { readonly reason?: string | null }) {
  return { reason, errorGroup: reason === null ? null : errorGroupOf(reason) };
}
