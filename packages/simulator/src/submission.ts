import { validate } from '@novita-webhooks/core';
import { randomUUID } from 'node:crypto';
import * as z from 'zod';

import { ApiError, invalidBody } from './api-error.ts';
import { callbackUrlSchema, findAddressProblem } from './callback-url.ts';
import type { JsonObject } from './json.ts';
import type { TestMode } from './novita-types.ts';
import { finalStatusSchema, jsonPlanSchema, type Plan } from './plan.ts';
import { checkParameters } from './required-parameters.ts';

/** Content of a valid submit call. */
export interface Submission {
  readonly taskId: string;
  /** 1 for the first task of this simulator. */
  readonly number: number;
  /** `txt2img`, or `video/create` for the unified video API. */
  readonly endpoint: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly callbackUrl: string | undefined;
  readonly testMode: TestMode | undefined;
}

export interface ParsedSubmission extends Submission {
  /** Plan in `extra.simulator`. */
  readonly plan: Plan;
}

const testModeSchema = z.discriminatedUnion(
  'enabled',
  [
    z.object({ enabled: z.literal(true), return_task_status: finalStatusSchema }),
    z.object({ enabled: z.literal(false).optional() }),
  ],
  {
    error: ({ code }: { readonly code?: string }) =>
      code === 'invalid_union' ? 'must be true or false' : undefined,
  },
);

const webhookSchema = z.object({
  url: callbackUrlSchema.nullish(),
  test_mode: testModeSchema.nullish(),
});

/** Schema of `POST /v3/async/<endpoint>`. */
const asyncSchema = z
  .object({
    extra: z.object({ webhook: webhookSchema.nullish(), simulator: jsonPlanSchema }).nullish(),
  })
  .transform(({ extra }) => {
    const { url, test_mode: testMode } = extra?.webhook ?? {};
    return {
      plan: extra?.simulator ?? {},
      callbackUrl: url ?? undefined,
      testMode: testMode?.enabled ? testMode : undefined,
    };
  });

/** Schema of `POST /v3/video/create`, which has no test mode. */
const videoSchema = z
  .object({
    callback_url: callbackUrlSchema.nullish(),
    extra: z.object({ simulator: jsonPlanSchema }).nullish(),
  })
  .transform(({ extra, callback_url }) => ({
    plan: extra?.simulator ?? {},
    callbackUrl: callback_url ?? undefined,
    testMode: undefined,
  }));

const checkAddress = (url: string, path: string, allowRemote: boolean): void => {
  const problem = findAddressProblem(url, allowRemote);
  if (problem) throw new ApiError(400, 'REMOTE_CALLBACK', `${path}: ${problem}`);
};

/**
 * Reads what the simulator needs from the body of a submit call.
 *
 * @throws {ApiError} when the body is invalid, or its callback URL is not a loopback address
 */
export const readSubmission = (
  endpoint: string,
  body: JsonObject,
  number: number,
  allowRemote: boolean,
): ParsedSubmission => {
  const isVideo = endpoint === 'video/create';
  const checked = validate(isVideo ? videoSchema : asyncSchema, body);
  if ('fault' in checked) throw invalidBody(checked.fault);
  checkParameters(endpoint, body);
  const { callbackUrl } = checked.value;
  const path = isVideo ? 'callback_url' : 'extra.webhook.url';
  if (callbackUrl !== undefined) checkAddress(callbackUrl, path, allowRemote);
  // A random id: after a restart, a durable inbox under test would take a reused id for a duplicate.
  return { taskId: randomUUID(), number, endpoint, body, ...checked.value };
};
