// What an error of PostgreSQL, of the driver or of this package means, and what to do about it.
import { isWebhookError, WebhookError } from '@novita-webhooks/core';

import { findDiagnosis } from './diagnoses.ts';

/** Codes of this package. */
export const QUERY_TIMEOUT = 'QUERY_TIMEOUT';
export const POOL_TIMEOUT = 'POOL_TIMEOUT';

/** An error that says what failed and what to do. Its cause is the given one. */
export function toInboxError(error: unknown): Error {
  if (isWebhookError(error)) return error;
  const { problem = messageOf(error), action = 'Look at the cause of this error' } =
    findDiagnosis(codeOf(error), messageOf(error)) ?? {};
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
export const isConflict = (error: unknown): boolean => /^(40001|40P01|23505)$/.test(codeOf(error));

/** Whether the cause is a value of the statement and not the server. */
export const isDataError = (error: unknown): boolean => /^(22|23|54)/.test(codeOf(error));

/** Whether a schema, table, column or function does not exist. */
export const isMissingObject = (error: unknown): boolean =>
  /^(3F000|42P01|42703|42883)$/.test(codeOf(error));
