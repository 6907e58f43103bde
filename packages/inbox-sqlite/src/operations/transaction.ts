import { PermanentError, WebhookError, type ClaimRef } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import type { SqliteDatabase } from '../driver/driver.ts';
import { RolledBack } from '../writing/committer.ts';
import { UNITE_HANDLED } from './succeeded-handlers.ts';

const RECORD_SUCCESS = `
UPDATE novita_entries SET succeeded_handlers = ${UNITE_HANDLED}
WHERE task_id = :taskId AND endpoint = :endpoint AND fencing_token = :fencingToken`;

/** A handler's own writes, and that it succeeded: both or neither. */
export function transact<T>(
  connection: Connection,
  { endpoint, taskId, fencingToken }: ClaimRef,
  handler: string,
  work: (tx: SqliteDatabase) => T,
): T {
  if (work.constructor.name === 'AsyncFunction') throw new RolledBack(notSynchronous());
  const succeededHandlers = JSON.stringify([handler]);
  const { changes } = connection
    .statement(RECORD_SUCCESS)
    .run({ endpoint, taskId, fencingToken, succeededHandlers });
  if (Number(changes) === 0) {
    throw new RolledBack(new WebhookError('lease_lost', 'the lease was lost; nothing was written'));
  }
  let result: T;
  try {
    result = work(connection.database);
  } catch (error) {
    throw new RolledBack(error);
  }
  if (!isThenable(result)) return result;
  Promise.resolve(result).catch(() => undefined); // what becomes of it does not count
  throw new RolledBack(notSynchronous());
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** Trying again would do the same again, and what it writes after its first `await` stays. */
function notSynchronous(): WebhookError {
  return new PermanentError(
    'context.transaction: with SQLite the function must not be async, since nothing else could ' +
      'be written until it ends. Fetch what it needs before',
  );
}
