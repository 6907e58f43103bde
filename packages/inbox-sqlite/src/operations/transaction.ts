import { PermanentError, WebhookError, type ClaimRef } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import type { SqliteDatabase } from '../driver/driver.ts';
import { RollbackError } from '../writing/committer.ts';
import { ALL_SUCCEEDED_HANDLERS } from './succeeded-handlers.ts';

const RECORD_SUCCESS = `
UPDATE novita_entries SET succeeded_handlers = ${ALL_SUCCEEDED_HANDLERS}
WHERE task_id = :taskId AND endpoint = :endpoint AND fencing_token = :fencingToken`;

/** Runs a handler's writes and records its success, in the transaction of the operation. */
export function transaction<T>(
  connection: Connection,
  { endpoint, taskId, fencingToken }: ClaimRef,
  handler: string,
  work: (tx: SqliteDatabase) => T,
): T {
  if (work.constructor.name === 'AsyncFunction') throw new RollbackError(asyncError());
  const succeededHandlers = JSON.stringify([handler]);
  const params = { endpoint, taskId, fencingToken, succeededHandlers };
  if (connection.run(RECORD_SUCCESS, params) === 0) throw new RollbackError(leaseLostError());
  let result: T;
  try {
    result = work(connection.database);
  } catch (error) {
    throw new RollbackError(error);
  }
  if (!isThenable(result)) return result;
  Promise.resolve(result).catch(() => undefined); // its outcome does not matter any more
  throw new RollbackError(asyncError());
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value;
}

function leaseLostError(): WebhookError {
  return new WebhookError(
    'lease_lost',
    'inbox-sqlite: the lease was lost, so context.transaction wrote nothing. The entry is attempted ' +
      'again if necessary.',
  );
}

/** Permanent: a retry would repeat the writes that the function makes after its first `await`. */
function asyncError(): WebhookError {
  return new PermanentError(
    'inbox-sqlite: context.transaction was called with an async function, which would block all ' +
      'other writes. Load data before the call, and pass a synchronous function.',
  );
}
