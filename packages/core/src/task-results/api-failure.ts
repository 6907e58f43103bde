// What the Task Result API answers instead of a result, as errors.
import { describeError, isWebhookError, WebhookError } from '../shared/errors.ts';

/** Why a request brought no result. */
export interface ApiFailure {
  readonly error: WebhookError;
  readonly isRetryable: boolean;
  /** Milliseconds to wait, as the API asked; `null` if it did not. */
  readonly retryAfterMs: number | null;
}

/** An answer without its body. */
export interface FailedAnswer {
  /** Host of `baseUrl`. */
  readonly host: string;
  readonly status: number;
  /** `reason` of Novita's error body, such as `TASK_NOT_FOUND`; `''` without one. */
  readonly reason: string;
  /** Header `Retry-After`. */
  readonly retryAfter: string | null;
}

const DOWN = ['api_unavailable', 'api_rate_limited', 'api_key_rejected'] as const;

/** Whether the cause is the API or the key, and not one task. */
export const isApiDown = (error: unknown): boolean =>
  DOWN.some((code) => isWebhookError(error, code));

const RETRY = 'Try again later.';
const CHECK_URL = 'Check baseUrl.';

/** @param now milliseconds since 1970, for a `Retry-After` that is a date */
export function toFailure(answer: FailedAnswer, now: number): ApiFailure {
  const { host, status, reason } = answer;
  const fail = (
    code: ConstructorParameters<typeof WebhookError>[0],
    advice: string,
    isRetryable = false,
  ): ApiFailure => {
    const what = `the Task Result API at ${host} answered ${status}${reason && ` ${reason}`}`;
    return {
      error: new WebhookError(code, `task-results: ${what}. ${advice}`),
      isRetryable,
      retryAfterMs: isRetryable ? parseRetryAfter(answer.retryAfter, now) : null,
    };
  };
  if (status === 404 && reason === 'TASK_NOT_FOUND') return fail('task_not_found', UNKNOWN_TASK);
  if (status === 401 || status === 403 || reason === 'MISSING_API_KEY') {
    return fail('api_key_rejected', 'Check apiKey.');
  }
  if (status === 429) return fail('api_rate_limited', 'Lower requestsPerSecond.', true);
  const isRetryable = status >= 500 || status === 408;
  return fail('api_unavailable', isRetryable ? RETRY : CHECK_URL, isRetryable);
}

const UNKNOWN_TASK =
  'Check the task id, and that apiKey is of the account that submitted the task.';

/** A redirect could lead the request with its key to another host. */
export function redirected(): ApiFailure {
  const message = `task-results: the Task Result API answered with a redirect, which is not followed. ${CHECK_URL}`;
  return {
    error: new WebhookError('api_unavailable', message),
    isRetryable: false,
    retryAfterMs: null,
  };
}

/**
 * A request without a complete answer.
 *
 * @param apiKey is cut out of the cause, which is another error than `thrown` for that reason: an
 * implementation of `fetch` may attach the headers of its request
 */
export function unanswered(what: string, apiKey: string, thrown?: unknown): ApiFailure {
  const options =
    thrown === undefined ? undefined : { cause: new Error(describeError(thrown, apiKey)) };
  const message = `task-results: ${what}. Check baseUrl and the network.`;
  return {
    error: new WebhookError('api_unavailable', message, options),
    isRetryable: true,
    retryAfterMs: null,
  };
}

/** A 200 without a result of the task. */
export function noResult(why: string): ApiFailure {
  const message = `task-results: the Task Result API answered 200 with no result of the task: ${why}. ${CHECK_URL}`;
  return {
    error: new WebhookError('invalid_result', message),
    isRetryable: false,
    retryAfterMs: null,
  };
}

const MAX_RETRY_AFTER_MS = 30_000;

/** Seconds or a date, at most 30 s; `null` if it is neither. */
function parseRetryAfter(header: string | null, now: number): number | null {
  const text = header?.trim() ?? '';
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? null : Math.min(Math.max(0, ms), MAX_RETRY_AFTER_MS);
}
