// What an error of PostgreSQL, of the driver or of this package means, and what to do about it.
import { isWebhookError, WebhookError } from '@novita-webhooks/core';

interface Diagnosis {
  /** SQLSTATEs, codes of Node.js or of a driver, and the two codes below. */
  readonly codes: RegExp;
  /** What failed; default: the message of the error. */
  readonly problem?: string;
  readonly action: string;
}

/** Codes of this package. */
export const QUERY_TIMEOUT = 'QUERY_TIMEOUT';
export const POOL_TIMEOUT = 'POOL_TIMEOUT';

/** The first match counts. */
const DIAGNOSES: readonly Diagnosis[] = [
  {
    codes: /^ECONNREFUSED$/,
    problem: 'the server refused the connection',
    action: 'Check that it runs, and its host and port',
  },
  {
    codes: /^(ENOTFOUND|EAI_AGAIN)$/,
    problem: 'the host name of the server cannot be resolved',
    action: 'Check the name and the DNS',
  },
  {
    codes: /^08P01$/,
    problem: 'the server or a pooler rejected what the pool sent',
    action:
      'Behind PgBouncer, set statement_timeout with ALTER ROLE instead of in the pool, or add it to ' +
      'ignore_startup_parameters',
  },
  {
    codes: /^(ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|08\w{3}|CONNECTION_\w+)$/,
    problem: 'the connection broke',
    action: 'If this repeats, check the network and the log of the server',
  },
  {
    codes: /^25P03$/,
    problem: 'the server ended a transaction that was idle for too long',
    action: 'Check whether this process was frozen',
  },
  {
    codes: /^57P0[12]$/,
    problem: 'the server ended the connection: a shutdown, a crash or an administrator',
    action: 'If this repeats, check the log of the server',
  },
  {
    codes: /^57P03$/,
    problem: 'the server is starting, or recovering from a crash',
    action: 'Wait: the inbox continues by itself',
  },
  {
    codes: /^53300$/,
    problem: 'the server has no connection left',
    action: 'Raise max_connections, use fewer processes or smaller pools, or add PgBouncer',
  },
  {
    codes: /^53100$/,
    problem: 'the disk of the server is full',
    action: 'Free some space',
  },
  {
    codes: /^53200$/,
    problem: 'the server is out of memory',
    action: 'Give it more memory or fewer connections',
  },
  {
    codes: /^(25P02|42704)$/,
    problem:
      'a connection was released to the pool in the middle of a transaction; it was closed, and ' +
      'nothing was written',
    action: 'Find the pool adapter or the handler that released it',
  },
  {
    codes: /^25006$/,
    problem: 'the server is read-only, as a standby is',
    action: 'Connect to the primary',
  },
  {
    codes: /^28\w{3}$/,
    problem: 'the server rejected the role',
    action: 'Check user, password and pg_hba.conf',
  },
  {
    codes: /^3D000$/,
    problem: 'the database does not exist',
    action: 'Create it, or correct its name',
  },
  {
    codes: /^42501$/,
    problem: 'the role lacks a privilege',
    action: 'Grant what the README lists, and let the owner of the schema run the migrations',
  },
  {
    codes: /^(3F000|42P01|42703|42883)$/,
    problem: 'a table or function of the schema is missing or was changed',
    action:
      'Restore it, or drop the whole schema: the inbox then creates an empty one, if the role may',
  },
  {
    codes: /^22\w{3}$/,
    problem: 'the server cannot store a value of the event',
    action: 'Check that the database has the encoding UTF8',
  },
  {
    codes: /^(55P03|57014)$/,
    problem: 'a statement took too long',
    action: 'Look in pg_stat_activity for sessions that hold locks',
  },
  {
    codes: /^(40001|40P01)$/,
    problem: 'other transactions changed the same rows at every try',
    action: 'If this repeats, set default_transaction_isolation to read committed',
  },
  {
    codes: /^(58\w{3}|XX\w{3})$/,
    problem: 'the server reported an internal error, or one of its files',
    action: 'Check its log at once',
  },
  {
    codes: /^POOL_TIMEOUT$/,
    action:
      "Raise the pool's max, find what keeps its connections, and check that the server is reachable",
  },
  {
    codes: /^QUERY_TIMEOUT$/,
    action: 'Check the network and the load of the server',
  },
];

/** An error that says what failed and what to do. Its cause is the given one. */
export function toInboxError(error: unknown): Error {
  if (isWebhookError(error)) return error;
  const code = codeOf(error);
  const diagnosis = DIAGNOSES.find(({ codes }) => codes.test(code));
  const { problem = messageOf(error), action = 'Look at the cause of this error' } =
    diagnosis ?? {};
  return new WebhookError('inbox_unavailable', `inbox-postgres: ${problem}. ${action}.`, {
    cause: error,
  });
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message.replace(/\.$/, '') : String(error);

/** The SQLSTATE or the code of Node.js; the first one where Node.js tried several addresses. */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  if (typeof code === 'string') return code;
  return Array.isArray(errors) && errors.length > 0 ? codeOf(errors[0]) : '';
}

/** @param message what failed, without a full stop: `toInboxError` adds what to do */
export function createCodedError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** Whether the server or the pool gave no answer: the next request would wait as long. */
export const isTimeout = (error: unknown): boolean =>
  [QUERY_TIMEOUT, POOL_TIMEOUT].includes(codeOf(error));

/**
 * Whether the connection is closed, is inside a transaction, or leads to the wrong server. Decided by
 * codes, since the server translates severities.
 */
export function isConnectionUnusable(error: unknown): boolean {
  const code = codeOf(error);
  const isSqlState = /^(\d\w|F0|HV|P0|XX)\w{3}$/.test(code);
  return !isSqlState || /^(08|25006|25P0[234]|28|42704|53|57P|58|XX)/.test(code);
}

/** Whether the server rolled back because of other transactions: a retry may succeed. */
export const isConflict = (error: unknown): boolean => /^(40001|40P01)$/.test(codeOf(error));

/** Whether the cause is a value of the statement and not the server. */
export const isDataError = (error: unknown): boolean => /^(22|23|54)/.test(codeOf(error));

/** Whether a schema, table, column or function does not exist. */
export const isMissingObject = (error: unknown): boolean =>
  /^(3F000|42P01|42703|42883)$/.test(codeOf(error));
