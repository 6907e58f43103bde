import { isWebhookError, WebhookError } from '@novita-webhooks/core';

/** SQLSTATEs and Node's codes, or the beginning of them, and what to do. The first that fits counts. */
const WHAT_TO_DO: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [/^ECONNREFUSED$/, 'nothing listens there. Is the server running, are host and port right?'],
  [/^(ENOTFOUND|EAI_AGAIN)$/, 'its host name cannot be resolved. Check the name and the DNS'],
  [
    /^08P01$/,
    'it does not take what the pool asks for. Through PgBouncer: leave statement_timeout to ALTER ROLE, ' +
      'or add it to ignore_startup_parameters',
  ],
  [
    /^(ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|08\w{3}|CONNECTION_\w+)$/,
    'the connection broke. If this goes on, look at the network and at the log of the server',
  ],
  [
    /^25P03$/,
    'the server ended a transaction in which nothing happened for too long. Did this process freeze?',
  ],
  [/^57P0[12]$/, 'the server ended the connection: it is being shut down, or has crashed'],
  [/^57P03$/, 'the server is starting, or recovering from a crash. It will be back by itself'],
  [
    /^53300$/,
    'it has no connection left. Raise max_connections, use fewer processes or smaller pools, or put ' +
      'PgBouncer before it',
  ],
  [/^53100$/, 'its disk is full. Free some space'],
  [/^53200$/, 'it is out of memory'],
  [
    /^(25P02|42704)$/,
    'a connection was given back to the pool in the middle of a transaction. It was closed, and nothing ' +
      'was written. Which adapter or handler does that?',
  ],
  [/^25006$/, 'this server takes no writes: a standby? Connect to the primary'],
  [/^28\w{3}$/, 'it does not let this role in. Check user, password and pg_hba.conf'],
  [/^3D000$/, 'there is no such database'],
  [
    /^42501$/,
    'this role may not do that. Grant it what the README lists, and let the owner of the schema ' +
      'run the migrations',
  ],
  [
    /^(3F000|42P01|42703|42883)$/,
    'its tables or functions are not there, or not as they should be. Did somebody drop or change ' +
      'them? Where the whole schema is gone, it is made anew if this role may do so',
  ],
  [/^22\w{3}$/, 'the event cannot be written as it is. Does the database have the encoding UTF8?'],
  [/^(55P03|57014)$/, 'it took too long. What else holds locks there? Look at pg_stat_activity'],
  [/^(40001|40P01)$/, 'others wrote to the same rows, again and again'],
  [/^(58\w{3}|XX\w{3})$/, 'the server has trouble with its files. Look at its log, at once'],
  [
    /^NO_CONNECTION$/,
    'no connection of the pool became free in time. Raise its max, or find what keeps connections; ' +
      'or the server cannot be reached',
  ],
  [
    /^NO_ANSWER$/,
    'it did not answer in time. Is the network broken, or the server overloaded? The connection is ' +
      'given up',
  ],
];

/** An error that tells the person who reads it what to do. */
export function explain(error: unknown): Error {
  if (isWebhookError(error)) return error;
  const code = codeOf(error);
  const advice = WHAT_TO_DO.find(([pattern]) => pattern.test(code))?.[1];
  const message = `PostgreSQL: ${advice ?? 'an error was reported'}`;
  return new WebhookError('inbox_unavailable', message, { cause: error });
}

/** The SQLSTATE, or Node's code; that of the first attempt where several addresses were tried. */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  if (typeof code === 'string') return code;
  return Array.isArray(errors) && errors.length > 0 ? codeOf(errors[0]) : '';
}

/** Codes of our own. */
export const NO_ANSWER = 'NO_ANSWER';
export const NO_FREE_CONNECTION = 'NO_CONNECTION';

/** Whether nothing was said at all, and the next one would have to wait as long to learn it. */
export const isSilence = (error: unknown): boolean =>
  [NO_ANSWER, NO_FREE_CONNECTION].includes(codeOf(error));

export function troubled(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/**
 * Whether the connection is of no use any more, is in a state in which it should not be, or leads to
 * the wrong server. By codes: a severity may come in any language.
 */
export function isBroken(error: unknown): boolean {
  const code = codeOf(error);
  const isOfServer = /^(\d\w|F0|HV|P0|XX)\w{3}$/.test(code);
  return !isOfServer || /^(08|25006|25P0[234]|28|42704|53|57P|58|XX)/.test(code);
}

/** Whether the same may well work when it is done again. */
export const isConflict = (error: unknown): boolean => /^(40001|40P01)$/.test(codeOf(error));

/** Whether it lies in what was to be written, and not in the server. */
export const isOfData = (error: unknown): boolean => /^(22|23|54)/.test(codeOf(error));

/** Whether the tables are not as they were left. */
export const isOfSchema = (error: unknown): boolean =>
  /^(3F000|42P01|42703|42883)$/.test(codeOf(error));
