import * as z from 'zod';

import { delayRangeSchema, faultsSchema, type DelayRange } from './faults.ts';
import type { Faults, ResolvedFaults } from './faults.ts';
import type { FinalStatus, Media, TaskEvent } from './novita-types.ts';
import { functionSchema } from './parse-options.ts';

/**
 * Describes how a task ends and how its event is delivered. Over HTTP, `extra.simulator` in the
 * submit body takes all fields but `transformEvent`.
 *
 * @example
 * const plan: Plan = { status: 'TASK_STATUS_FAILED', reason: 'model load failed', duplicates: 2 };
 */
export interface Plan {
  /** Default `TASK_STATUS_SUCCEED`. In test mode, `return_task_status` overrides it. */
  readonly status?: FinalStatus | undefined;
  /** Default: empty on success, `model load failed` on failure, `mock failure` in test mode. */
  readonly reason?: string | undefined;
  /** Kind of the outputs. Default: derived from the name of the endpoint. */
  readonly media?: Media | undefined;
  /** Number of outputs, 0 to 100. Default: `image_num` of the request if it is 1 to 16, or 1. */
  readonly count?: number | undefined;
  /** Verdict in `nsfw_detection_result`. Default: false if the request enables detection, or none. */
  readonly nsfw?: boolean | undefined;
  /**
   * Duration of the task in milliseconds, or a range. Default: the option `taskMs`. Always 0 in test
   * mode.
   */
  readonly taskMs?: DelayRange | undefined;
  /** Part of `taskMs` before the task is processed. Default: the option `queueMs`. */
  readonly queueMs?: DelayRange | undefined;
  /** Copies sent one after another once the endpoint answered with a 2xx, 0 to 100. Default 0. */
  readonly duplicates?: number | undefined;
  /** Copies sent at the same time, 1 to 100. Only the first is retried. Default 1. */
  readonly parallelCopies?: number | undefined;
  /** Sends no event; the Task Result API still returns the result. Default false. */
  readonly dropDelivery?: boolean | undefined;
  /**
   * Returns the body to deliver. A string or bytes are sent unchanged, `undefined` is sent as an
   * empty body, all else as JSON. The Task Result API is not affected.
   */
  readonly transformEvent?: ((event: TaskEvent) => unknown) | undefined;
  /** Faults of the delivery. Each overrides the fault of the same name in the option `faults`. */
  readonly faults?: Faults | undefined;
}

type OptionalField = 'nsfw' | 'transformEvent';
type ResolvedField = 'taskMs' | 'queueMs' | 'faults';

/** Plan with all defaults filled in. */
export type ResolvedPlan = Pick<Plan, OptionalField> & {
  readonly [Field in Exclude<keyof Plan, OptionalField | ResolvedField>]-?: NonNullable<
    Plan[Field]
  >;
} & {
  readonly taskMs: number;
  readonly queueMs: number;
  readonly faults: ResolvedFaults;
};

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
  taskMs: delayRangeSchema.optional(),
  queueMs: delayRangeSchema.optional(),
  duplicates: z.int().min(0).max(100).optional(),
  parallelCopies: z.int().min(1).max(100).optional(),
  dropDelivery: z.boolean().optional(),
  faults: faultsSchema.optional(),
});

/** Schema of a plan in `extra.simulator`. It lacks `transformEvent`: JSON cannot hold functions. */
export const jsonPlanSchema: z.ZodType<Plan> = jsonPlan.default({});

/** Schema of a plan from the option `plan` or the argument of `submit()`. */
export const planSchema: z.ZodType<Plan> = jsonPlan
  .extend({ transformEvent: functionSchema<NonNullable<Plan['transformEvent']>>().optional() })
  .default({});

const merge = <T extends object>(objects: readonly T[]): T =>
  Object.fromEntries(
    objects.flatMap((one) => Object.entries(one)).filter(([, value]) => value !== undefined),
  ) as T;

/**
 * Merges plans field by field, and their faults by name. A later plan overrides an earlier one unless it
 * is `undefined`.
 */
export const mergePlans = (...plans: readonly Plan[]): Plan => ({
  ...merge(plans),
  faults: merge(plans.map(({ faults = {} }) => faults)),
});
