// A scenario: settings of a run as JSON, so that a file can hold them.
import * as z from 'zod';

import { endpointSchema, matchesEndpoint } from './endpoints.ts';
import type { SimulatorOptions } from './options.ts';
import { delayMsSchema, parseOptions } from './parse-options.ts';
import { jsonPlanSchema, mergePlans, type Plan } from './plan.ts';
import { jsonOptionSchemas } from './resolve-options.ts';
import type { Submission } from './submission.ts';

/** Plan of the tasks that match. A task must match all fields that are given. */
export interface ScenarioRule {
  /** Name of an endpoint; `*` stands for any characters. */
  readonly endpoint?: string | undefined;
  /** Numbers of tasks, the first of which is 1. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Every nth task: 5 for 5, 10, 15, … */
  readonly every?: number | undefined;
  readonly plan: Omit<Plan, 'transformEvent'>;
}

/**
 * Settings of a run. All are those of `SimulatorOptions`, but `retry.delayMs`, which is a number or a
 * list, and `tasks`.
 *
 * @example
 * const scenario: Scenario = {
 *   seed: 7,
 *   faults: { drop: 0.1, reset: 0.2 },
 *   tasks: [{ endpoint: 'kling-*', every: 3, plan: { status: 'TASK_STATUS_FAILED' } }],
 * };
 */
export interface Scenario extends Pick<SimulatorOptions, keyof typeof jsonOptionSchemas> {
  readonly retry?:
    | {
        readonly maxRetries?: number | undefined;
        /** Milliseconds before each retry, or one number for each. The last one repeats. */
        readonly delayMs?: number | readonly number[] | undefined;
      }
    | undefined;
  /** Plans by task. A later rule overrides an earlier one, field by field. */
  readonly tasks?: readonly ScenarioRule[] | undefined;
}

const taskNumber = z.int().min(1).optional();

const ruleSchema = z.strictObject({
  endpoint: endpointSchema.optional(),
  from: taskNumber,
  to: taskNumber,
  every: taskNumber,
  plan: jsonPlanSchema,
});

const scenarioSchema = z
  .strictObject(jsonOptionSchemas)
  .partial()
  .extend({
    retry: z
      .strictObject({
        maxRetries: z.int().min(0).max(100).optional(),
        delayMs: z
          .union(
            [delayMsSchema, z.array(delayMsSchema).min(1)],
            'must be milliseconds, or a list of them',
          )
          .optional(),
      })
      .optional(),
    tasks: z.array(ruleSchema).optional(),
  });

const matches = (
  { endpoint: pattern, from = 1, to = Infinity, every = 1 }: ScenarioRule,
  { number, endpoint }: Submission,
): boolean =>
  number >= from &&
  number <= to &&
  number % every === 0 &&
  (pattern === undefined || matchesEndpoint([pattern], endpoint));

const toDelay = (delays: number | readonly number[]): ((retry: number) => number) => {
  const list = [delays].flat();
  return (retry) => list[retry - 1] ?? list.at(-1) ?? 0;
};

/**
 * Turns a scenario, such as the content of a JSON file, into options.
 *
 * @throws {TypeError} `simulator: scenario.<path>: <problem>`
 * @example
 * const scenario: unknown = JSON.parse(readFileSync('scenario.json', 'utf8'));
 * const simulator = await createSimulator(toSimulatorOptions(scenario));
 */
export const toSimulatorOptions = (scenario: unknown): SimulatorOptions => {
  const {
    tasks: rules = [],
    retry,
    ...options
  } = parseOptions(scenarioSchema, scenario, ['scenario']);
  const { maxRetries, delayMs } = retry ?? {};
  return {
    ...options,
    retry: { maxRetries, delayMs: delayMs === undefined ? undefined : toDelay(delayMs) },
    plan: (submission) =>
      mergePlans(...rules.filter((rule) => matches(rule, submission)).map(({ plan }) => plan)),
  };
};
