import * as z from 'zod';

import { secretAdvice, secretSchema } from './callback/secret-faults.ts';
import { limitsSchema, type DeliveryLimits } from './delivery/limits.ts';
import { parseOptions, requireOptions, strictOptions } from './shared/check-options.ts';
import { systemClock, type Clock } from './shared/clock.ts';
import type { Inbox } from './inbox/ports.ts';
import { isObject, type JsonObject } from './shared/json.ts';
import { consoleLogger } from './shared/console-logger.ts';
import { silentLogger, type Logger } from './shared/logger.ts';
import { memoryInbox } from './inbox/memory/memory-inbox.ts';
import { isStandardSchema, type StandardSchema } from './shared/standard-schema.ts';
import { invalid, isAddOnly, rejectContradictions } from './reject-contradictions.ts';
import type { TaskResultClient } from './task-results/client.ts';
import type { HandlerOptions } from './handlers/registration.ts';
import { exponentialBackoff, type RetryDelay } from './shared/backoff.ts';

/** Options of `createReceiver`. Times are in milliseconds, sizes in bytes. */
export interface ReceiverOptions<
  Metadata extends object = JsonObject,
  Tx = unknown,
  Input extends object = object,
> extends HandlerOptions<Metadata, Tx> {
  /** Public address of the endpoint. Callback URLs are made from it. */
  readonly url?: string | URL | undefined;
  /**
   * Signs callback URLs; at least 32 characters. Of several secrets the first one signs and all are
   * accepted. To rotate, put the new secret first, and remove the old one when its URLs have expired.
   * A worker that accepts no deliveries and shares a durable inbox needs no secret.
   */
  readonly secret?: string | readonly string[] | undefined;
  /** Accepts events from any sender. Only for an endpoint that strangers cannot reach. */
  readonly insecure?: true | undefined;
  /** Where events are kept until they are handled. Default: `memoryInbox()`. */
  readonly inbox?: Inbox<Tx> | undefined;
  /**
   * Validates the metadata of callback URLs: a schema of zod, valibot, arktype or another library with
   * https://standardschema.dev. `createCallback()` takes its input. Handlers get its output as
   * `context.metadata`. An event whose metadata does not fit becomes a dead letter.
   */
  readonly metadata?: StandardSchema<Input, Metadata> | undefined;
  /**
   * Whether this process handles the entries of the inbox. Default `true`, or `false` for an add-only
   * inbox. With `false` it only accepts events, and other processes with the same inbox handle them.
   */
  readonly consume?: boolean | undefined;
  /** Name of the endpoint; part of the idempotency key. Default `'novita'`. */
  readonly endpoint?: string | undefined;
  /**
   * When to reply 2xx: once the inbox has the event (`'accepted'`), or once the handlers have
   * succeeded (`'handled'`, for the memory inbox only). Default `'accepted'`, or `'handled'` with the
   * memory inbox on a runtime that may stop after the reply (`toFetchHandler`, `toLambdaHandler`).
   */
  readonly ack?: 'accepted' | 'handled' | undefined;
  readonly limits?:
    | {
        /** Default 1 MiB. */
        readonly maxBodyBytes?: number | undefined;
        /**
         * Bytes of bodies in memory at once, over all deliveries. Beyond it the answer is 503. Default
         * 8 MiB, or 4 times `maxBodyBytes` if that is more.
         */
        readonly maxTotalBodyBytes?: number | undefined;
        /** Time for the body to arrive. Default 3 s. */
        readonly bodyTimeoutMs?: number | undefined;
        /** Time until the reply. Default 4 s, because Novita waits 5 s. */
        readonly replyTimeoutMs?: number | undefined;
      }
    | undefined;
  readonly handlers?:
    | {
        /** Entries that are handled at the same time. Default 10. */
        readonly concurrency?: number | undefined;
        /** Time until the signal of a handler is aborted. Default 60 s. */
        readonly timeoutMs?: number | undefined;
      }
    | undefined;
  readonly retry?:
    | {
        /** Attempts after which an entry becomes a dead letter. Default 8. */
        readonly maxAttempts?: number | undefined;
        /** Default `exponentialBackoff()`. */
        readonly delay?: RetryDelay | undefined;
      }
    | undefined;
  /** Whether handlers get the events of Novita's test mode. Default `'handle'`. */
  readonly testEvents?: 'handle' | 'ignore' | undefined;
  /**
   * Asks Novita's Task Result API for the results of expected tasks (see `receiver.submit`). Also if
   * links of a result have expired when its handlers are about to run: they get fresh ones.
   */
  readonly taskResults?: TaskResultClient | undefined;
  /**
   * Asks `taskResults` about every event before handlers run, and gives them the answer. An event of a
   * task that the API does not know becomes a dead letter with the reason `unconfirmed`. If the API
   * does not answer, or says that the task still runs, the entry waits, and no attempt is counted.
   * Events of test mode are not asked about if their callback URL was made with `testMode`. Default
   * `false`. `onTaskProgress` and `onOtherEvent` get events that nothing confirms.
   */
  readonly confirm?: boolean | undefined;
  /**
   * A logger with pino's methods, or `false` for none. Default: the console, where warnings and errors
   * that repeat are rolled up.
   */
  readonly logger?: Logger | false | undefined;
  readonly clock?: Clock | undefined;
}

/** The options with defaults filled in and checked. */
export interface ResolvedOptions {
  readonly url: string | null;
  /** `null` with `insecure: true`. Empty for a worker, which accepts no deliveries. */
  readonly secrets: readonly string[] | null;
  readonly inbox: Inbox;
  readonly metadata: StandardSchema<unknown, JsonObject> | undefined;
  readonly consume: boolean;
  readonly endpoint: string;
  /** `null`: chosen by the runtime of each delivery. */
  readonly ack: 'accepted' | 'handled' | null;
  readonly limits: DeliveryLimits;
  readonly handlers: { readonly concurrency: number; readonly timeoutMs: number };
  readonly retry: { readonly maxAttempts: number; readonly delay: RetryDelay };
  readonly testEvents: 'handle' | 'ignore';
  readonly taskResults: TaskResultClient | null;
  readonly confirm: boolean;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** The console itself would print the details before the message. */
const toLogger = (value: unknown) =>
  value === false ? silentLogger : value === globalThis.console ? consoleLogger : value;
const isFunction = (value: unknown) => typeof value === 'function';
const fn = z.custom<never>(isFunction, 'must be a function').optional();
const withMethods = <T>(...methods: string[]) =>
  z.custom<T>(
    (value) =>
      methods.every((method) => isFunction((value as Record<string, unknown> | null)?.[method])),
    `must be an object with ${methods.join(', ')}`,
  );
const INBOX_METHODS = ['add', 'consume', 'get', 'stats', 'close'] as const;
const isInbox = (value: unknown) =>
  INBOX_METHODS.every((method) => isFunction((value as Partial<Inbox> | null)?.[method])) &&
  isObject((value as Partial<Inbox>).capabilities);
const inbox = z.custom<Inbox>(
  isInbox,
  "must be an inbox, such as memoryInbox() or sqliteInbox({ path: 'webhooks.db' }). One of your own has " +
    `${INBOX_METHODS.join(', ')} and capabilities; addOnlyInbox() makes one of add alone`,
);
/** However it is written: `to%6ben` is the same parameter. */
const hasToken = (url: string) =>
  URL.canParse(url) && [...new URL(url).searchParams.keys()].some((key) => /^token$/i.test(key));
const hasUser = (url: string) => {
  const { username = '', password = '' } = URL.canParse(url) ? new URL(url) : {};
  return username + password !== '';
};
const HAS_USER =
  'must have no user and no password: Novita may not send them, and its logs would show them. Leave them out ' +
  'and let the login pass this path: the token in each callback URL is checked';
const url = z
  .url({
    protocol: /^https?$/,
    message: 'must be an http or https URL, such as https://example.com/webhooks/novita',
  })
  .refine((text) => !text.includes('#'), 'must have no fragment')
  .refine((text) => !hasToken(text), 'must have no token parameter: createCallback() adds it')
  .refine((text) => !hasUser(text), HAS_USER);
const ms = z.number().positive();
const count = z.int().positive();

const schema = strictOptions({
  url: z.preprocess((value) => (value instanceof URL ? value.href : value), url.optional()),
  secret: secretSchema.optional(),
  insecure: z.literal(true, 'can only be true').optional(),
  inbox: inbox.optional(),
  metadata: z
    .custom<StandardSchema<unknown, JsonObject>>(
      isStandardSchema,
      'must be a schema of zod, valibot, arktype or another library that implements Standard Schema',
    )
    .optional(),
  consume: z.boolean().optional(),
  endpoint: z.string().min(1).max(64).default('novita'),
  ack: z.enum(['accepted', 'handled']).nullable().default(null),
  limits: limitsSchema,
  handlers: strictOptions({
    concurrency: count.default(10),
    timeoutMs: ms.default(60_000),
  }).prefault({}),
  retry: strictOptions({
    maxAttempts: count.default(8),
    delay: z
      .custom<RetryDelay>(isFunction, 'must be a function')
      .default(() => exponentialBackoff()),
  }).prefault({}),
  testEvents: z.enum(['handle', 'ignore']).default('handle'),
  taskResults: withMethods<TaskResultClient>('get', 'getPayload').nullable().default(null),
  confirm: z.boolean().default(false),
  logger: z.preprocess(
    toLogger,
    withMethods<Logger>('debug', 'info', 'warn', 'error').default(() => consoleLogger),
  ),
  clock: withMethods<Clock>('now', 'after').default(systemClock),
  onTaskSucceeded: fn,
  onTaskFailed: fn,
  onTaskFinished: fn,
  onTaskProgress: fn,
  onOtherEvent: fn,
  onDeadLetter: fn,
});

/**
 * Checks the options and fills in the defaults.
 *
 * @throws WebhookError `invalid_option` with the name of the option and its fault
 */
export function resolveOptions(options: ReceiverOptions): ResolvedOptions {
  requireOptions('createReceiver', options, 'createReceiver({ url, secret })');
  const parsed = parseOptions('createReceiver', schema, options);
  const { url = null, insecure = false, ...rest } = parsed;
  const secrets = [parsed.secret ?? []].flat();
  const { inbox = memoryInbox({ clock: rest.clock }) } = rest;
  const isWorker = isWorkerOnly(options);
  if (!isWorker && insecure === secrets.length > 0) {
    const isLikeWorker = options.inbox === undefined && !('secret' in options);
    throw invalid(secretAdvice(insecure, isLikeWorker));
  }
  const resolved: ResolvedOptions = {
    ...rest,
    url,
    secrets: insecure ? null : secrets,
    inbox,
    metadata: rest.metadata,
    consume: rest.consume ?? !isAddOnly(inbox),
  };
  rejectContradictions(resolved);
  return resolved;
}

/**
 * Only if the option is absent: `secret: undefined` is an environment variable that is not set.
 */
function isWorkerOnly(options: ReceiverOptions): boolean {
  const { inbox, consume = true } = options;
  if (inbox === undefined || 'secret' in options || 'insecure' in options) return false;
  return consume && inbox.capabilities.shared;
}
