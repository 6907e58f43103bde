import { PermanentError, WebhookError, type ClaimRef } from '@novita-webhooks/core';

import type { Database } from '../client/database.ts';
import { createHandlerClient } from '../client/handler-client.ts';
import { withTimeout } from '../client/timeout.ts';
import { outsideTransaction } from '../client/transaction-guard.ts';
import { SESSION_SETTINGS } from '../client/session-settings.ts';
import { DURABLE_COMMIT } from '../client/transaction-settings.ts';
import { codeOf, createCodedError, toInboxError } from '../errors.ts';
import type { PostgresClient } from '../pool.ts';
import { parseClaimRef, type ParsedClaimRef } from './claim-ref.ts';
import { parseBoolean, parseNumber, type TextRow } from './row.ts';
import { toText } from './text.ts';

const CHECK_CLAIM = `
SELECT ${SESSION_SETTINGS} AS settings FROM novita_webhooks.pending_entries
JOIN novita_webhooks.events ON events.id = pending_entries.id
WHERE pending_entries.id = $1::bigint
  AND pending_entries.fencing_token = ${outsideTransaction('$2')}
  AND events.task_id = $3::text AND events.endpoint = $4::text`;

/**
 * The setting ends with the transaction: RECORD_SUCCESS finds out whether the handler ended it. If this
 * process vanishes, the server ends the transaction after the timeout.
 */
const begin = (name: string, timeoutMs: number) => `
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL novita.transaction TO '${name}';
SET LOCAL idle_in_transaction_session_timeout TO ${Math.ceil(timeoutMs + IDLE_MARGIN_MS)}`;

const IDLE_MARGIN_MS = 5000;

/** The last statement before COMMIT. It locks the row, so no other worker can claim the entry. */
const RECORD_SUCCESS = `
WITH recorded AS (
  UPDATE novita_webhooks.pending_entries
  SET succeeded_handlers = ARRAY(SELECT unnest(succeeded_handlers) UNION SELECT $3::text)
  WHERE id = $1::bigint AND fencing_token = $2::text
    AND current_setting('novita.transaction', true) = $4::text
  RETURNING id
)
SELECT (SELECT count(*) FROM recorded)::text AS recorded,
       coalesce(current_setting('novita.transaction', true) = $4::text, false)::text AS is_intact,
       ${DURABLE_COMMIT} AS durable`;

export interface HandlerTransaction<T> {
  readonly claimRef: ClaimRef;
  readonly handler: string;
  readonly work: (client: PostgresClient) => T | Promise<T>;
  /** In milliseconds. After that the connection is closed and the transaction rolled back. */
  readonly timeoutMs: number;
  /** Has the same effect as the timeout. */
  readonly signal: AbortSignal;
}

/** `settings`: of the connection before the handler had it; absent if it never had. */
type Result<T> = { readonly settings?: string | undefined } & (
  { readonly value: T } | { readonly error: unknown }
);

/**
 * Commits the writes of a handler together with the record of its success. No row of the inbox is
 * locked while `work` runs: heartbeats update the same row.
 *
 * @throws the error of `work`, unchanged; WebhookError `lease_lost`, or `handler_failed` if `work`
 * continued after a failed statement; PermanentError if `work` ended the transaction
 */
export async function runHandlerTransaction<T>(
  database: Database,
  transaction: HandlerTransaction<T>,
): Promise<T> {
  const claimRef = parseClaimRef(transaction.claimRef);
  if (claimRef === undefined) throw leaseLost();
  const client = await database.acquireClient().catch((error: unknown) => {
    throw toInboxError(error);
  });
  const result = await runOn(database, client, claimRef, transaction);
  const failure = 'error' in result ? await rollBack(database, client, result.error) : undefined;
  database.releaseClient(client, failure ?? (await findChange(database, client, result.settings)));
  if ('error' in result) throw result.error;
  return result.value;
}

/**
 * A `SET` of the handler would outlast its transaction, and change what the next user of the connection
 * does. The pool belongs to the application, so nothing is reset: the pool opens another connection.
 *
 * @returns why the connection must be closed; `undefined` if it can be reused
 */
async function findChange(
  database: Database,
  client: PostgresClient,
  before: string | undefined,
): Promise<unknown> {
  if (before === undefined) return undefined;
  try {
    const { rows } = await database.queryOn(client, `SELECT ${SESSION_SETTINGS} AS settings`);
    const [after] = rows as TextRow<'settings'>[];
    return after?.settings === before ? undefined : new Error('a handler changed its settings');
  } catch (error) {
    return error;
  }
}

async function runOn<T>(
  database: Database,
  client: PostgresClient,
  claimRef: ParsedClaimRef,
  { work, handler, timeoutMs, signal }: HandlerTransaction<T>,
): Promise<Result<T>> {
  const { id, fencingToken, taskId, endpoint } = claimRef;
  const name = crypto.randomUUID();
  const handlerClient = createHandlerClient(client);
  let isHandlerRunning = false;
  let settings: string | undefined;
  try {
    const key = [id, fencingToken, taskId, endpoint];
    const { rows } = await database.queryOn(client, CHECK_CLAIM, key);
    if (rows.length === 0) throw leaseLost();
    await database.queryOn(client, begin(name, timeoutMs));
    ({ settings } = rows[0] as TextRow<'settings'>);
    isHandlerRunning = true;
    const value = await withTimeout(
      unlessAborted(signal, () => work(handlerClient.client)),
      timeoutMs,
      () => tookTooLong(timeoutMs),
    ).finally(handlerClient.revoke); // a late statement must not run after the ROLLBACK
    isHandlerRunning = false;
    await commit(database, client, [id, fencingToken, toText(handler), name]);
    return { value, settings };
  } catch (error) {
    return { error: isHandlerRunning ? error : toInboxError(error), settings };
  }
}

/** Records the success of the handler and commits. */
async function commit(
  database: Database,
  client: PostgresClient,
  values: [id: string, fencingToken: string, handler: string, name: string],
): Promise<void> {
  const { rows } = await database
    .queryOn(client, RECORD_SUCCESS, values)
    .catch((error: unknown) => {
      throw codeOf(error) === IN_FAILED_TRANSACTION ? statementFailed(error) : error;
    });
  const { recorded, is_intact } = rows[0] as TextRow<'recorded' | 'is_intact'>;
  if (!parseBoolean(is_intact)) throw new PermanentError(ENDED_BY_HANDLER);
  if (parseNumber(recorded) === 0) throw leaseLost();
  const { command } = await database.queryOn(client, 'COMMIT');
  if (command !== 'COMMIT') throw statementFailed(); // a statement that the handler did not await
}

/** @returns why the connection must be closed; `undefined` if it can be reused */
async function rollBack(
  database: Database,
  client: PostgresClient,
  error: unknown,
): Promise<unknown> {
  const code = codeOf(error);
  if (code === TRANSACTION_TIMEOUT || code === 'closing') return error; // the handler still runs
  try {
    await database.queryOn(client, 'ROLLBACK');
    return undefined;
  } catch (cause) {
    return cause;
  }
}

async function unlessAborted<T>(signal: AbortSignal, work: () => T | Promise<T>): Promise<T> {
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => (abort = () => reject(signal.reason as Error)));
  signal.addEventListener('abort', abort);
  try {
    signal.throwIfAborted();
    return await Promise.race([work(), aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

const IN_FAILED_TRANSACTION = '25P02';
const TRANSACTION_TIMEOUT = 'TRANSACTION_TIMEOUT';

const ENDED_BY_HANDLER =
  'inbox-postgres: the function of context.transaction ended the transaction, so some of its writes ' +
  'may be committed. Remove COMMIT and ROLLBACK from it.';

function tookTooLong(timeoutMs: number): Error {
  return createCodedError(
    TRANSACTION_TIMEOUT,
    `inbox-postgres: context.transaction took longer than ${timeoutMs} ms, and nothing was written. ` +
      'Do slow work before it, or raise transactionTimeoutMs.',
  );
}

function leaseLost(): WebhookError {
  return new WebhookError(
    'lease_lost',
    'inbox-postgres: the lease was lost, and nothing was written. The worker with the new lease runs ' +
      'the handler.',
  );
}

function statementFailed(cause?: unknown): WebhookError {
  return new WebhookError(
    'handler_failed',
    'inbox-postgres: a statement of context.transaction failed but its function did not, and nothing ' +
      'was written. Let the error pass, or use a savepoint.',
    { cause },
  );
}
