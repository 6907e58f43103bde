import { randomInt } from 'node:crypto';
import * as z from 'zod';

import { endpointSchema } from './endpoints.ts';
import { delayRangeSchema, faultsSchema } from './faults.ts';
import type { DelayRange, Faults, ResolvedFaults } from './faults.ts';
import type { RateLimit, ResolvedOptions, ResolvedRateLimit, SimulatorOptions } from './options.ts';
import { delayMsSchema, functionSchema, parseOptions } from './parse-options.ts';

/** Latest time that a `Date` can hold, in milliseconds since 1970. */
const MAX_TIMESTAMP_MS = 8.64e15;
const MAX_LINK_TTL_MS = 7 * 24 * 3_600_000;

const doubleDelayMs = (retry: number): number => 1000 * 2 ** (retry - 1);

/** Schemas of the options that JSON can hold, without their defaults. */
interface JsonOptionSchemas {
  readonly taskMs: z.ZodType<DelayRange>;
  readonly queueMs: z.ZodType<DelayRange>;
  readonly deliveryTimeoutMs: z.ZodType<number>;
  readonly linkTtlMs: z.ZodType<number>;
  readonly rateLimit: z.ZodType<ResolvedRateLimit, RateLimit>;
  readonly retentionMs: z.ZodType<number>;
  readonly retiredEndpoints: z.ZodType<string[]>;
  readonly endpointsWithoutWebhooks: z.ZodType<string[]>;
  readonly faults: z.ZodType<ResolvedFaults, Faults>;
  readonly seed: z.ZodType<number>;
  readonly concurrency: z.ZodType<number>;
}

export const jsonOptionSchemas: JsonOptionSchemas = {
  taskMs: delayRangeSchema,
  queueMs: delayRangeSchema,
  deliveryTimeoutMs: delayMsSchema.min(1),
  linkTtlMs: z.number().min(1000).max(MAX_LINK_TTL_MS),
  rateLimit: z.strictObject({
    requests: z.int().min(1),
    windowMs: delayMsSchema.min(1).default(1000),
  }),
  retentionMs: z.number().min(0),
  retiredEndpoints: z.array(endpointSchema),
  endpointsWithoutWebhooks: z.array(endpointSchema),
  faults: faultsSchema,
  seed: z.int().min(0),
  concurrency: z.int().min(1).max(10_000),
};

const json = jsonOptionSchemas;
const ignore = (): undefined => undefined;

const schema = z.strictObject({
  port: z.int().min(0).max(65_535).default(0),
  taskMs: json.taskMs.default(0),
  queueMs: json.queueMs.optional(),
  retry: z
    .strictObject({
      maxRetries: z.int().min(0).max(100).default(5),
      delayMs: functionSchema<typeof doubleDelayMs>().default(() => doubleDelayMs),
    })
    .prefault({}),
  deliveryTimeoutMs: json.deliveryTimeoutMs.default(5000),
  linkTtlMs: json.linkTtlMs.default(3_600_000),
  apiKey: z.string().min(1).optional(),
  rateLimit: json.rateLimit.optional(),
  retentionMs: json.retentionMs.optional(),
  retiredEndpoints: json.retiredEndpoints.default([]),
  endpointsWithoutWebhooks: json.endpointsWithoutWebhooks.default([]),
  faults: json.faults.default({}),
  seed: json.seed.default(() => randomInt(2 ** 31)),
  allowRemote: z.boolean().default(false),
  concurrency: json.concurrency.default(64),
  plan: functionSchema<ResolvedOptions['plan']>().default(() => ignore),
  onDelivery: functionSchema<ResolvedOptions['onDelivery']>().default(() => ignore),
  onTask: functionSchema<ResolvedOptions['onTask']>().default(() => ignore),
  onRequestRejected: functionSchema<ResolvedOptions['onRequestRejected']>().default(() => ignore),
  now: functionSchema<ResolvedOptions['now']>().default(() => Date.now),
});

const timestampSchema = z.number().min(0).max(MAX_TIMESTAMP_MS);

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {TypeError} `simulator: <option>: <problem>`
 */
export const resolveOptions = (options: SimulatorOptions): ResolvedOptions => {
  const { retry, linkTtlMs, apiKey, queueMs, rateLimit, retentionMs, ...rest } = parseOptions(
    schema,
    options,
  );
  parseOptions(timestampSchema, rest.now(), ['now()']);
  const retryDelaysMs = Array.from({ length: retry.maxRetries }, (_, index) =>
    parseOptions(delayMsSchema, retry.delayMs(index + 1), [`retry.delayMs(${index + 1})`]),
  );
  const linkTtlSeconds = Math.floor(linkTtlMs / 1000);
  const optional = { apiKey, queueMs, rateLimit, retentionMs };
  return { ...rest, ...optional, retryDelaysMs, linkTtlSeconds };
};
