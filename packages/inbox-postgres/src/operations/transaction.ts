import { PermanentError, WebhookError, type ClaimRef } from '@novita-webhooks/core';

import type { Database } from '../client/database.ts';
import { within } from '../client/timeout.ts';
import { lend } from '../client/handler-client.ts';
import type { PostgresClient } from '../pool.ts';
import { codeOf, explain } from '../errors.ts';
import { fromClaimRef, type Held } from './claim-ref.ts';
import { outside } from '../client/transaction-guard.ts';
import { toText } from './text.ts';

const IS_VALID = `
SELECT 1 FROM novita_webhooks.pending_entries JOIN novita_webhooks.events ON events.id = pending_entries.id
WHERE pending_entries.id = $1::bigint AND pending_entries.fencing_token = ${outside('$2')}
  AND events.task_id = $3::text AND events.endpoint = $4::text`;

/**
 * The setting goes with the transaction, also when somebody else ends it: that is how it is found
 * out. The server itself ends one whose client has vanished, after everybody else would have.
 */
const begin = (name: string, longestMs: number) => `
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL novita.transaction TO '${name}';
SET LOCAL idle_in_transaction_session_timeout TO ${Math.ceil(longestMs + LATER_MS)}`;

const LATER_MS = 5000;

/** The last thing before COMMIT: from here on others wait for the row, and nobody may take it over. */
const RECORD = `
WITH recorded AS (
  UPDATE novita_webhooks.pending_entries
  SET succeeded_handlers = ARRAY(SELECT unnest(succeeded_handlers) UNION SELECT $3::text)
  WHERE id = $1::bigint AND fencing_token = $2::text
    AND current_setting('novita.transaction', true) = $4::text
  RETURNING id
)
SELECT (SELECT count(*) FROM recorded)::integer AS recorded,
       coalesce(current_setting('novita.transaction', true) = $4::text, false) AS intact`;

export interface Transaction<T> {
  readonly claimRef: ClaimRef;
  readonly handler: string;
  readonly work: (client: PostgresClient) => T | Promise<T>;
  /** In milliseconds. After that its connection is closed, and nothing of it is kept. */
  readonly longestMs: number;
  /** Ends it likewise. */
  readonly signal: AbortSignal;
}

type Settled<T> = { readonly value: T } | { readonly error: unknown };

/**
 * A handler's own writes, and that it succeeded: both or neither. No row of ours is locked while
 * `work` runs: heartbeats have to get through.
 *
 * @throws what `work` throws, as it is; WebhookError `lease_lost`; `permanent` when `work` has ended
 * the transaction; `handler_failed` when it went on after a statement that failed
 */
export async function transact<T>(database: Database, transaction: Transaction<T>): Promise<T> {
  const held = fromClaimRef(transaction.claimRef);
  if (held === undefined) throw leaseLost();
  const client = await database.connect().catch((error: unknown) => {
    throw explain(error);
  });
  const settled = await attempt(database, client, held, transaction);
  if ('value' in settled) {
    database.giveBack(client);
    return settled.value;
  }
  database.giveBack(client, await rollBack(database, client, settled.error));
  throw settled.error;
}

async function attempt<T>(
  database: Database,
  client: PostgresClient,
  held: Held,
  { work, handler, longestMs, signal }: Transaction<T>,
): Promise<Settled<T>> {
  const name = crypto.randomUUID();
  const loan = lend(client);
  let isOurs = true; // whose fault it is
  try {
    const values = [held.id, held.fencingToken, held.taskId, held.endpoint];
    const { rows } = await database.ask(client, IS_VALID, values);
    if (rows.length === 0) throw leaseLost();
    await database.ask(client, begin(name, longestMs));
    isOurs = false;
    const value = await within(
      unlessAborted(signal, () => work(loan.client)),
      longestMs,
      () => tooLong(longestMs),
    ).finally(loan.end); // what it has not waited for must not be written after a ROLLBACK
    isOurs = true;
    await commit(database, client, [held.id, held.fencingToken, toText(handler), name]);
    return { value };
  } catch (error) {
    return { error: isOurs ? explain(error) : error };
  }
}

/** With what the handler has done, that it has done it. */
async function commit(
  database: Database,
  client: PostgresClient,
  values: [id: string, fencingToken: string, handler: string, name: string],
): Promise<void> {
  const { rows } = await database.ask(client, RECORD, values).catch((error: unknown) => {
    throw codeOf(error) === IN_FAILED_TRANSACTION ? failedInside(error) : error;
  });
  const { recorded, intact } = rows[0] as { recorded: number; intact: boolean };
  if (!intact) throw new PermanentError(ENDED_INSIDE);
  if (recorded === 0) throw leaseLost();
  const { command } = await database.ask(client, 'COMMIT');
  if (command !== 'COMMIT') throw failedInside(); // by a query that nobody waited for
}

/** @returns why the client has to be closed; `undefined` when it is as good as before */
async function rollBack(
  database: Database,
  client: PostgresClient,
  error: unknown,
): Promise<unknown> {
  if (/^(TRANSACTION_TOO_LONG|closing)$/.test(codeOf(error))) return error; // its function may still use the client
  try {
    await database.ask(client, 'ROLLBACK');
    return undefined;
  } catch (cause) {
    return cause;
  }
}

async function unlessAborted<T>(signal: AbortSignal, work: () => T | Promise<T>): Promise<T> {
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => (stop = () => reject(signal.reason as Error)));
  signal.addEventListener('abort', stop);
  try {
    signal.throwIfAborted();
    return await Promise.race([work(), aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

const IN_FAILED_TRANSACTION = '25P02';
const TOO_LONG = 'TRANSACTION_TOO_LONG';

const ENDED_INSIDE =
  'context.transaction: the transaction was ended inside the function; what came before and after ' +
  'that was written all the same';

function tooLong(ms: number): Error {
  const message = `context.transaction took longer than ${ms} milliseconds; nothing was written`;
  return Object.assign(new Error(message), { code: TOO_LONG });
}

function leaseLost(): WebhookError {
  return new WebhookError('lease_lost', 'the lease was lost; nothing was written');
}

function failedInside(cause?: unknown): WebhookError {
  const message =
    'context.transaction: a statement failed, and the function went on as if it had not; nothing ' +
    'was written';
  return new WebhookError('handler_failed', message, { cause });
}
