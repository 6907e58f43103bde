import * as z from 'zod';

import { exponentialBackoff, type RetryDelay } from '../shared/backoff.ts';
import { parseOptions, strictOptions } from '../shared/check-options.ts';
import { systemClock, type Clock } from '../shared/clock.ts';

/** Options of `createTaskResultClient`. Times are in milliseconds, sizes in bytes. */
export interface TaskResultClientOptions {
  /**
   * Novita's API key, with or without `Bearer` in front of it. `undefined` is an environment variable
   * that is not set, and an `invalid_option`.
   */
  readonly apiKey: string | undefined;
  /** Address of the API, also one with a path. Default `https://api.novita.ai`. */
  readonly baseUrl?: string | URL | undefined;
  /** Time for one request, from connecting to the last byte of the answer. Default 10 s. */
  readonly timeoutMs?: number | undefined;
  /** Maximum size of an answer. Default 1 MiB, as for the bodies of deliveries. */
  readonly maxBodyBytes?: number | undefined;
  /** Requests at the same time. Default 8. */
  readonly concurrency?: number | undefined;
  /** Requests that may start in a second, retries included. Default 10. Novita documents no limit. */
  readonly requestsPerSecond?: number | undefined;
  /** Retries after 429, server errors, timeouts and failures of the network. */
  readonly retry?:
    | {
        /** Requests for one answer. Default 4. */
        readonly maxAttempts?: number | undefined;
        /**
         * Delay after a failed request, unless the answer has `Retry-After`. Default
         * `exponentialBackoff({ initialMs: 500, factor: 2, maxMs: 10_000 })`.
         */
        readonly delay?: RetryDelay | undefined;
      }
    | undefined;
  /** Sends the requests. Default: the runtime's `fetch`, looked up for each request. */
  readonly fetch?: FetchFunction | undefined;
  readonly clock?: Clock | undefined;
}

/** The part of `fetch` that the client uses. */
export type FetchFunction = (
  url: string,
  init: {
    readonly headers: Readonly<Record<string, string>>;
    readonly redirect: 'manual';
    readonly signal: AbortSignal;
  },
) => Promise<Response>;

/** The options with defaults filled in and checked. */
export interface ResolvedClientOptions {
  /** Without `Bearer`. */
  readonly apiKey: string;
  /** Without a slash at the end. */
  readonly baseUrl: string;
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  readonly concurrency: number;
  readonly requestsPerSecond: number;
  readonly retry: { readonly maxAttempts: number; readonly delay: RetryDelay };
  readonly fetch: FetchFunction;
  readonly clock: Clock;
}

const isFunction = (value: unknown) => typeof value === 'function';
const hasMethods = (value: unknown) =>
  isFunction((value as Partial<Clock> | null)?.now) &&
  isFunction((value as Partial<Clock> | null)?.after);

/** Visible ASCII, since it becomes the value of a header. Messages never quote it. */
const apiKey = z
  .string("must be text: Novita's API key. Is the environment variable set?")
  .transform((text) => text.trim().replace(/^Bearer(\s+|$)/i, ''))
  .pipe(
    z
      .string()
      .min(1, "is empty. Pass Novita's API key. Is the environment variable set?")
      .regex(/^[\x21-\x7e]*$/, 'must be one word of visible ASCII characters'),
  );

const isBare = (text: string) => {
  if (!URL.canParse(text)) return false;
  const { username, password, search, hash } = new URL(text);
  return username + password + search + hash === '' && !/[?#]/.test(text);
};

const baseUrl = z.preprocess(
  (value) => (value instanceof URL ? value.href : value),
  z
    .url({ protocol: /^https?$/, message: 'must be an http or https URL' })
    .refine(isBare, 'must have no user, no query and no fragment')
    .transform((text) => new URL(text).href.replace(/\/+$/, ''))
    .default('https://api.novita.ai'),
);

const ms = z.number().positive();
const count = z.int().positive();

/** Calls the global, since some runtimes reject a detached `fetch`. */
const runtimeFetch: FetchFunction = (url, init) => fetch(url, init);

const schema = strictOptions({
  apiKey,
  baseUrl,
  timeoutMs: ms.default(10_000),
  maxBodyBytes: count.default(1024 * 1024),
  concurrency: count.default(8),
  requestsPerSecond: z.number().positive().default(10),
  retry: strictOptions({
    maxAttempts: count.default(4),
    delay: z
      .custom<RetryDelay>(isFunction, 'must be a function')
      .default(() => exponentialBackoff({ initialMs: 500, factor: 2, maxMs: 10_000 })),
  }).prefault({}),
  fetch: z.custom<FetchFunction>(isFunction, 'must be a function').default(() => runtimeFetch),
  clock: z
    .custom<Clock>(hasMethods, 'must be an object with now, after')
    .default(() => systemClock),
});

/** @throws WebhookError `invalid_option` with the name of the option and its fault */
export function resolveClientOptions(options: TaskResultClientOptions): ResolvedClientOptions {
  return parseOptions('createTaskResultClient', schema, options);
}
