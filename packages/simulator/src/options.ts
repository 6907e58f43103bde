import { z } from 'zod';

import type { Delivery } from './delivery.ts';
import { delayMsSchema, functionSchema, parseOptions } from './parse-options.ts';
import type { Plan } from './plan.ts';
import type { Submission } from './submission.ts';

/** How a delivery that was not acknowledged is repeated. */
export interface RetryOptions {
  /** Repeats after the first try, 0 to 100. Default 5, the maximum that Novita documents. */
  readonly maxRetries?: number | undefined;
  /**
   * Milliseconds to wait before repeat 1, 2, …; asked once for each when the simulator is created.
   * Novita does not document its spacing; the default is 1, 2, 4, 8 and 16 seconds.
   */
  readonly delayMs?: ((retry: number) => number) | undefined;
}

/** Times are in milliseconds. */
export interface SimulatorOptions {
  /** Port on 127.0.0.1. Default 0: a free one. */
  readonly port?: number | undefined;
  /** How long a task runs before its event goes out. Default 0. */
  readonly taskMs?: number | undefined;
  readonly retry?: RetryOptions | undefined;
  /** Time for one whole delivery, from connecting to the last byte. Default 5000, as documented. */
  readonly deliveryTimeoutMs?: number | undefined;
  /** Life of a result link, in whole seconds from 1 s to 7 days (the rest is cut). Default one hour. */
  readonly linkTtlMs?: number | undefined;
  /** When set, submits and task results need `Authorization: Bearer <apiKey>`. */
  readonly apiKey?: string | undefined;
  /** Allows callback URLs on other machines. Default false: loopback only. */
  readonly allowRemote?: boolean | undefined;
  /** Deliveries under way at the same time. Default 64. */
  readonly concurrency?: number | undefined;
  /** Decides what becomes of a task; what the submit itself asks for goes first. */
  readonly plan?: ((submission: Submission) => Plan | undefined) | undefined;
  /** Called after every delivery, whatever its answer. What it throws becomes a process warning. */
  readonly onDelivery?: ((delivery: Delivery) => void) | undefined;
  /** The clock, in milliseconds since 1970: dates in payloads, age of links. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

type DelayMs = (retry: number) => number;

/** Latest time that a `Date` can hold. */
const MAX_TIMESTAMP_MS = 8.64e15;

const doublingDelayMs: DelayMs = (retry) => 1000 * 2 ** (retry - 1);

export interface Options {
  readonly port: number;
  readonly taskMs: number;
  /** One entry per repeat. */
  readonly retryDelaysMs: readonly number[];
  readonly deliveryTimeoutMs: number;
  readonly linkTtlSeconds: number;
  readonly apiKey: string | undefined;
  readonly allowRemote: boolean;
  readonly concurrency: number;
  readonly plan: (submission: Submission) => Plan | undefined;
  readonly onDelivery: (delivery: Delivery) => void;
  readonly now: () => number;
}

const schema = z.strictObject({
  port: z.int().min(0).max(65_535).default(0),
  taskMs: delayMsSchema.default(0),
  retry: z
    .strictObject({
      maxRetries: z.int().min(0).max(100).default(5),
      delayMs: functionSchema<DelayMs>().default(() => doublingDelayMs),
    })
    .prefault({}),
  deliveryTimeoutMs: delayMsSchema.min(1).default(5000),
  linkTtlMs: z.number().min(1000).max(604_800_000).default(3_600_000),
  apiKey: z.string().min(1).optional(),
  allowRemote: z.boolean().default(false),
  concurrency: z.int().min(1).max(10_000).default(64),
  plan: functionSchema<Options['plan']>().default(() => () => undefined),
  onDelivery: functionSchema<Options['onDelivery']>().default(() => () => undefined),
  now: functionSchema<Options['now']>().default(() => Date.now),
});

const timestampSchema = z.number().min(0).max(MAX_TIMESTAMP_MS);

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {TypeError} `simulator: <option>: <problem>`
 */
export const resolveOptions = (options: SimulatorOptions): Options => {
  const { retry, linkTtlMs, apiKey, ...rest } = parseOptions(schema, options);
  parseOptions(timestampSchema, rest.now(), ['now()']);
  const retryDelaysMs = Array.from({ length: retry.maxRetries }, (_, index) =>
    parseOptions(delayMsSchema, retry.delayMs(index + 1), [`retry.delayMs(${index + 1})`]),
  );
  return { ...rest, apiKey, retryDelaysMs, linkTtlSeconds: Math.floor(linkTtlMs / 1000) };
};
