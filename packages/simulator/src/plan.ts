import { z } from 'zod';

import { delayMsSchema, functionSchema } from './parse-options.ts';
import type { FinalStatus, Media, TaskEvent } from './novita-types.ts';

/**
 * What becomes of a task. Everything is optional; over HTTP all but `transformEvent` may be asked for as
 * `extra.simulator` in the submit body.
 *
 * @example
 * const plan: Plan = { status: 'TASK_STATUS_FAILED', reason: 'model load failed', duplicates: 2 };
 */
export interface Plan {
  /** Default `TASK_STATUS_SUCCEED`. Test mode has the last word on it. */
  readonly status?: FinalStatus | undefined;
  /** Default: empty on success, `model load failed` on failure. */
  readonly reason?: string | undefined;
  /** Default: guessed from the name of the endpoint. */
  readonly media?: Media | undefined;
  /** Number of outputs, 0 to 100. Default: `image_num` of the request, or 1. */
  readonly count?: number | undefined;
  /** A verdict in `nsfw_detection_result`. Default: none, or "clean" if detection was asked for. */
  readonly nsfw?: boolean | undefined;
  /** How long the task runs, in milliseconds. Default: the option of the same name. */
  readonly taskMs?: number | undefined;
  /** Further deliveries, one by one, after the first was answered with a 2xx. Default 0, at most 100. */
  readonly duplicates?: number | undefined;
  /** Copies sent at the same time, in all. Only the first of them is repeated. Default 1, at most 100. */
  readonly parallelCopies?: number | undefined;
  /** The event never goes out; the result can still be polled. Default false. */
  readonly dropDelivery?: boolean | undefined;
  /**
   * Makes what is delivered out of the event: a string or bytes go out as they are, `undefined` as
   * an empty body, everything else as JSON. The Task Result API is not affected.
   */
  readonly transformEvent?: ((event: TaskEvent) => unknown) | undefined;
}

/** A plan with every gap filled. */
export interface ResolvedPlan {
  readonly status: FinalStatus;
  readonly reason: string;
  readonly media: Media;
  readonly count: number;
  readonly nsfw: boolean | undefined;
  readonly taskMs: number;
  readonly duplicates: number;
  readonly parallelCopies: number;
  readonly dropDelivery: boolean;
  readonly transformEvent: ((event: TaskEvent) => unknown) | undefined;
}

export const finalStatusSchema: z.ZodType<FinalStatus> = z.enum([
  'TASK_STATUS_SUCCEED',
  'TASK_STATUS_FAILED',
]);

const jsonPlan = z.strictObject({
  status: finalStatusSchema.optional(),
  reason: z.string().optional(),
  media: z.enum(['images', 'videos', 'audios']).optional(),
  count: z.int().min(0).max(100).optional(),
  nsfw: z.boolean().optional(),
  taskMs: delayMsSchema.optional(),
  duplicates: z.int().min(0).max(100).optional(),
  parallelCopies: z.int().min(1).max(100).optional(),
  dropDelivery: z.boolean().optional(),
});

/** Schema of a plan in `extra.simulator`: JSON holds no functions, so it lacks `transformEvent`. */
export const jsonPlanSchema: z.ZodType<Plan> = jsonPlan.default({});

/** Schema of a plan that code passes. */
export const planSchema: z.ZodType<Plan> = jsonPlan
  .extend({ transformEvent: functionSchema<NonNullable<Plan['transformEvent']>>().optional() })
  .default({});

/** Later plans win; a field that is `undefined` says nothing. */
export const mergePlans = (...plans: readonly Plan[]): Plan =>
  Object.fromEntries(
    plans.flatMap((plan) => Object.entries(plan)).filter(([, value]) => value !== undefined),
  );
