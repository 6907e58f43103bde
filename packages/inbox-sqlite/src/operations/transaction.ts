import { randomUUID } from 'node:crypto';

import { PermanentError, WebhookError, type ClaimRef } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import type { SqliteDatabase } from '../driver/driver.ts';
import { RollbackError } from '../writing/committer.ts';
import { createHandlerDatabase } from './handler-database.ts';
import { ALL_SUCCEEDED_HANDLERS } from './succeeded-handlers.ts';

const RECORD_SUCCESS = `
UPDATE novita_entries SET succeeded_handlers = ${ALL_SUCCEEDED_HANDLERS}
WHERE task_id = :taskId AND endpoint = :endpoint AND fencing_token = :fencingToken`;

const IS_VALID = `
SELECT 1 FROM novita_entries
WHERE task_id = :taskId AND endpoint = :endpoint AND fencing_token = :fencingToken`;

/**
 * Runs a handler's writes and records its success last, both in the transaction of the operation. The
 * savepoint shows whether `work` has ended that transaction: it is gone then, also if `work` has begun
 * another one.
 */
export function transaction<T>(
  connection: Connection,
  { endpoint, taskId, fencingToken }: ClaimRef,
  handler: string,
  work: (tx: SqliteDatabase) => T,
): T {
  if (work.constructor.name === 'AsyncFunction') throw new RollbackError(asyncError());
  const claim = { endpoint, taskId, fencingToken };
  if (connection.all(IS_VALID, claim).length === 0) throw new RollbackError(leaseLostError());
  const savepoint = `novita_${randomUUID().replaceAll('-', '')}`;
  connection.database.exec(`SAVEPOINT ${savepoint}`);
  const result = runOn(connection, work);
  try {
    connection.database.exec(`RELEASE ${savepoint}`);
  } catch (error) {
    if (!String(error).includes('no such savepoint')) throw error;
    throw new RollbackError(new PermanentError(ENDED_BY_HANDLER, { cause: error }));
  }
  connection.requireDurability(); // a temporary trigger could keep the success from being recorded
  const succeededHandlers = JSON.stringify([handler]);
  const recorded = connection.run(RECORD_SUCCESS, { ...claim, succeededHandlers });
  if (recorded === 0) throw new RollbackError(leaseLostError());
  return result;
}

/** The handler may keep what it gets, and change settings, but neither has an effect later. */
function runOn<T>(connection: Connection, work: (tx: SqliteDatabase) => T): T {
  const { database, revoke } = createHandlerDatabase(connection.database);
  const restoreSettings = connection.keepSettings();
  try {
    return runSynchronously(() => work(database));
  } finally {
    revoke();
    restoreSettings();
  }
}

function runSynchronously<T>(work: () => T): T {
  let result: T;
  try {
    result = work();
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

const ENDED_BY_HANDLER =
  'inbox-sqlite: the function passed to context.transaction ended the transaction, so its writes were ' +
  'committed without the success of its handler. Remove COMMIT and ROLLBACK from the function.';

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
