import { toPrintable } from './printable.ts';
import { redactSecrets } from './redact-secrets.ts';

/** The codes of all replies. */
export type ReplyCode =
  | 'accepted'
  | 'duplicate'
  | 'ignored'
  /**
   * The request is not a POST. Send webhooks with POST; a health check needs a route of its own.
   */
  | 'method_not_allowed'
  /**
   * The URL carries no valid token: none, a forged or expired one, or one for another endpoint.
   * Take callback URLs from `receiver.createCallback()`, and keep an old secret in `secret` until
   * its URLs have expired.
   */
  | 'unauthorized'
  /** The body is larger than `limits.maxBodyBytes`. Raise that limit if the sender is Novita. */
  | 'body_too_large'
  /**
   * The body took longer than `limits.bodyTimeoutMs`. Look for a slow proxy, or raise that limit.
   */
  | 'body_too_slow'
  /**
   * The connection ended before the body did. Nothing need be done: the sender repeats the
   * delivery.
   */
  | 'body_incomplete'
  /**
   * Middleware in front of this endpoint read the body and kept nothing of it. Mount the webhooks
   * before it, or have it keep the body as `req.body` or `req.rawBody`.
   */
  | 'body_already_read'
  /**
   * The content type is not JSON, or the body has a content encoding. Send plain JSON; if a proxy
   * compresses bodies, turn that off for this path.
   */
  | 'unsupported_media_type'
  /**
   * The body is not one JSON object in UTF-8, or has poisoned keys, or is nested too deeply.
   * Compare what the sender sends with an event in Novita's documentation.
   */
  | 'invalid_json'
  /**
   * The event has no `event_type`. If middleware in front of this endpoint parses bodies, mount the
   * webhooks before it.
   */
  | 'missing_event_type'
  /**
   * The event has no usable `payload.task.task_id`. If middleware in front of this endpoint changes
   * bodies, mount the webhooks before it.
   */
  | 'missing_task_id'
  /**
   * The bodies that the receiver holds in memory at once are over `limits.maxTotalBodyBytes`. Nothing
   * need be done once; if it lasts, look for a slow inbox or a leaked callback URL, or raise that limit.
   */
  | 'overloaded'
  /**
   * The inbox holds as many entries as it may. Look for handlers that fail or are too slow, add
   * workers, or raise the inbox's limit.
   */
  | 'inbox_full'
  /**
   * The inbox rejected the event. Read the error in the log: it names what its database or server
   * answered.
   */
  | 'inbox_unavailable'
  /**
   * The inbox did not store the event within `limits.replyTimeoutMs`. Look at the load of its
   * database or server, or raise that limit.
   */
  | 'reply_timeout'
  /**
   * The handlers did not succeed while the delivery waited (`ack: 'handled'`), or the event is a
   * dead letter. Read the handler's error in the log; replay the entry if it is a dead letter.
   */
  | 'not_handled'
  /**
   * The receiver is closing or closed. Nothing need be done: the sender repeats the delivery to the
   * next process.
   */
  | 'closing';

/**
 * Every error code of this library. Codes are stable; messages are for people and may change.
 *
 * Codes of the first group (see `ReplyCode`) become replies to the sender (see `delivery/replies.ts`). Codes of the
 * second group are thrown to the caller of this library. A handler throws the third group to control
 * its own retries.
 */
export type WebhookErrorCode =
  | Exclude<ReplyCode, 'accepted' | 'duplicate' | 'ignored'>
  /**
   * An option is unknown, missing or has a value that makes no sense. Correct the option that the
   * message names.
   */
  | 'invalid_option'
  /**
   * An argument of a call has a value that makes no sense. Correct the argument that the message
   * names.
   */
  | 'invalid_argument'
  /**
   * The response was sent before the webhooks got the request. Mount the webhooks before what sent
   * it.
   */
  | 'already_replied'
  /**
   * The handlers did not succeed in a call that waits for them, or the transaction of a handler
   * failed. Read `cause` and `outcome`; the entry is attempted again unless the outcome is `dead`.
   */
  | 'handler_failed'
  /**
   * The metadata of an event does not fit the schema of the receiver, for example after a release that
   * changed it. The entry is a dead letter. Make the schema accept the metadata, then replay the entry.
   */
  | 'invalid_metadata'
  /**
   * A handler ran longer than `handlers.timeoutMs`; its `signal` is aborted with this error. Pass
   * the signal on to what the handler waits for, or raise the timeout.
   */
  | 'handler_timeout'
  /**
   * Another worker may have the entry, so this attempt can write nothing more. Let the handler end.
   * If it happens often, look for a blocked event loop or raise `leaseDurationMs`.
   */
  | 'lease_lost'
  /**
   * `receiver.idle()` waited for its `timeoutMs`. The message names what is still running or due.
   */
  | 'idle_timeout'
  /**
   * The Task Result API does not know the task. Check the task id, and that `apiKey` belongs to the
   * account that submitted the task; Novita may delete old results.
   */
  | 'task_not_found'
  /**
   * The Task Result API rejected the API key. Pass a valid key as `apiKey` of
   * `createTaskResultClient()`.
   */
  | 'api_key_rejected'
  /**
   * The Task Result API answered 429, also to the retries. Lower `requestsPerSecond` of the client, or
   * ask Novita for a higher limit.
   */
  | 'api_rate_limited'
  /**
   * The Task Result API did not answer in time, or answered with a server error, a redirect or an
   * unknown error, also to the retries. Look at `cause` and at `baseUrl`; try again later.
   */
  | 'api_unavailable'
  /**
   * The Task Result API answered 200 with what is no result of this task, or with too many bytes.
   * Check `baseUrl`, and raise `maxBodyBytes` if results are that large.
   */
  | 'invalid_result'
  /**
   * This inbox has no such operation. Use an inbox that has it, or do it with the tools of the
   * queue itself.
   */
  | 'not_supported'
  /**
   * This inbox has no transactions for handlers. Use `sqliteInbox` or `postgresInbox`, or make the
   * handler idempotent.
   */
  | 'not_transactional'
  /**
   * `receiver.result()` waited for its `timeoutMs`. The message says whether the inbox knows the task.
   */
  | 'result_timeout'
  /**
   * No result of an expected task came in time, and the Task Result API has none. The message says what
   * it answered last. Replay the entry to ask again.
   */
  | 'task_missing'
  /**
   * An earlier `receiver.submit()` with the same key began and never named its task: its process may have
   * ended meanwhile. Look at Novita whether the task runs; discard the entry that the message names to
   * submit it again.
   */
  | 'submission_unfinished'
  /**
   * A handler threw a `PermanentError`, so that the entry becomes a dead letter at once. Replay the
   * entry after its cause is removed.
   */
  | 'permanent'
  /**
   * A handler threw a `RetryLaterError`, so that the entry is retried after the delay it named.
   * Nothing need be done.
   */
  | 'retry_later';

/**
 * The error class of this library. Recognise it by `code`, not by `instanceof`: two copies of a
 * package in one process, or its ESM and CommonJS builds, have two classes.
 *
 * @example
 * try { createReceiver({}) } catch (error) {
 *   if (isWebhookError(error, 'invalid_option')) console.error(error.message);
 * }
 */
export class WebhookError extends Error {
  readonly code: WebhookErrorCode;

  constructor(code: WebhookErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'WebhookError';
    this.code = code;
  }
}

/** Of another copy of this library, which has other classes. */
const NAMES: ReadonlySet<string> = new Set([
  'WebhookError',
  'PermanentError',
  'RetryLaterError',
  'HandlersFailedError',
]);

/** Whether `error` is a WebhookError, with the given code if one is passed. Never throws. */
export function isWebhookError(error: unknown, code?: WebhookErrorCode): error is WebhookError {
  try {
    if (typeof error !== 'object' || error === null) return false;
    const { name = '', code: actual } = error as Partial<WebhookError>;
    const isOne = error instanceof WebhookError || NAMES.has(name);
    return isOne && (code === undefined || actual === code);
  } catch {
    return false; // a hostile getter or a revoked proxy
  }
}

/**
 * Thrown by a handler when a retry cannot help: the entry becomes a dead letter at once.
 *
 * @example
 * if (!order) throw new PermanentError(`order ${id} does not exist`);
 */
export class PermanentError extends WebhookError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('permanent', message, options);
    this.name = 'PermanentError';
  }
}

/**
 * Thrown by a handler to choose the delay before the next attempt. The attempt counts like any
 * other failure.
 *
 * @param delayMs milliseconds, 0 or more
 * @throws WebhookError `invalid_argument` if `delayMs` is not such a number
 * @example
 * if (response.status === 429) throw new RetryLaterError(60_000, 'storage is rate limited');
 */
export class RetryLaterError extends WebhookError {
  readonly delayMs: number;

  constructor(delayMs: number, message = 'the handler asked to be run later') {
    if (!Number.isFinite(delayMs) || delayMs < 0) {
      throw new WebhookError('invalid_argument', 'RetryLaterError takes milliseconds, 0 or more');
    }
    super('retry_later', message);
    this.name = 'RetryLaterError';
    this.delayMs = delayMs;
  }
}

/**
 * The delay of a {@link RetryLaterError} in milliseconds; `null` for any other error or an invalid
 * delay. Never throws.
 */
export function retryDelayOf(error: unknown): number | null {
  try {
    const delayMs =
      isWebhookError(error, 'retry_later') && 'delayMs' in error ? error.delayMs : null;
    return typeof delayMs === 'number' && Number.isFinite(delayMs) && delayMs >= 0 ? delayMs : null;
  } catch {
    return null; // a hostile getter or a revoked proxy
  }
}

const MAX_DESCRIPTION_LENGTH = 500;
const MAX_STACK_LENGTH = 2000;

/**
 * A thrown value and its causes as one line for logs and dead letters, without secrets. Never
 * throws, whatever a handler has thrown.
 *
 * @param secret a text that is redacted as well
 */
export function describeError(thrown: unknown, secret?: string): string {
  return toPrintable(redactSecrets(chain(thrown, MAX_CAUSES), MAX_DESCRIPTION_LENGTH, secret));
}

/** The parts of a thrown value for lists of errors. */
export interface ErrorSummary {
  /** Name of the class, at most 100 characters. */
  readonly name: string;
  /** One line without secrets, at most 300 characters. */
  readonly message: string;
  readonly code: string | null;
}

const MAX_SUMMARY_LENGTH = 300;
const MAX_NAME_LENGTH = 100;

/** Never throws, whatever a handler has thrown. */
export function summariseError(thrown: unknown): ErrorSummary {
  const short = (text: string, max: number) => toPrintable(redactSecrets(text, max));
  try {
    if (!isObjectWith(thrown, 'message')) {
      return {
        name: typeof thrown,
        message: short(textOf(thrown), MAX_SUMMARY_LENGTH),
        code: null,
      };
    }
    const code = isObjectWith(thrown, 'code') ? textOf(thrown.code) : null;
    return {
      name: short(nameOf(thrown), MAX_NAME_LENGTH),
      message: short(textOf(thrown.message), MAX_SUMMARY_LENGTH),
      code: code && short(code, MAX_NAME_LENGTH),
    };
  } catch {
    return { name: 'Error', message: 'threw a value that cannot be read', code: null };
  }
}

/** The stack of a thrown value, without secrets; `undefined` if it has none. */
export function stackOf(thrown: unknown): string | undefined {
  try {
    const stack = isObjectWith(thrown, 'stack') ? thrown.stack : undefined;
    return typeof stack === 'string'
      ? redactSecrets(printableStack(stack, thrown), MAX_STACK_LENGTH)
      : undefined;
  } catch {
    return undefined;
  }
}

/** One line for the message and one for each frame: a message cannot add lines of its own. */
function printableStack(stack: string, thrown: unknown): string {
  const message = isObjectWith(thrown, 'message') ? String(thrown.message) : '';
  const at = message === '' ? -1 : stack.indexOf(message);
  const end = at === -1 ? 0 : at + message.length;
  const [first = '', ...lines] = stack.slice(end).split('\n');
  const frames = lines.filter((line) => /^\s+at /.test(line)).map(toPrintable);
  return [toPrintable(stack.slice(0, end) + first), ...frames].join('\n');
}

const MAX_CAUSES = 3;

/** `fetch failed` names its reason only in `cause`, and refused connections only in `errors`. */
function chain(thrown: unknown, depth: number): string {
  try {
    if (!isObjectWith(thrown, 'message')) return `threw ${typeof thrown}: ${textOf(thrown)}`;
    const name = nameOf(thrown);
    const isNamed = name !== 'WebhookError' && NAMES.has(name); // the name says the same as the code
    const code = !isNamed && isObjectWith(thrown, 'code') ? ` (${String(thrown.code)})` : '';
    const own = `${name}: ${textOf(thrown.message)}${code}`;
    const why = isObjectWith(thrown, 'cause') ? thrown.cause : firstOf(thrown);
    return why === undefined || depth === 0 ? own : `${own}, caused by ${chain(why, depth - 1)}`;
  } catch {
    return 'threw a value that cannot be read';
  }
}

/** The text of a list is that of all its members, which may be shared exponentially often. */
function textOf(value: unknown): string {
  return Array.isArray(value) ? `a list of ${value.length}` : String(value);
}

function firstOf(thrown: object): unknown {
  return isObjectWith(thrown, 'errors') && Array.isArray(thrown.errors)
    ? (thrown.errors as unknown[])[0]
    : undefined;
}

function nameOf(error: object): string {
  return isObjectWith(error, 'name') && typeof error.name === 'string' ? error.name : 'Error';
}

function isObjectWith<Key extends string>(
  value: unknown,
  key: Key,
): value is Readonly<Record<Key, unknown>> {
  return typeof value === 'object' && value !== null && key in value;
}
