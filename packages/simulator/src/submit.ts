import { randomUUID } from 'node:crypto';
import * as z from 'zod';

import { PLAN_KEY_HEADER } from './accept-task.ts';
import { isObject } from './json.ts';
import { parseOptions } from './parse-options.ts';
import { planSchema, type Plan } from './plan.ts';
import { addSampleParameters } from './required-parameters.ts';
import { assertOpen, type State } from './state.ts';

/** Result of `submit()`: the body of Novita's response. */
export interface SubmitAnswer {
  readonly task_id: string;
}

const readSubmitAnswer = async (response: Response): Promise<SubmitAnswer> => {
  const answer: unknown = await response.json();
  if (response.ok) return answer as SubmitAnswer;
  const { reason, message } = isObject(answer) ? answer : {};
  throw new Error(
    `simulator: submit failed with ${response.status} ${String(reason)}: ${String(message)}`,
  );
};

/** Submits a task with an HTTP request to the simulator. */
export const submit = async (
  state: State,
  endpoint: string,
  body: object,
  plan: Plan | undefined,
): Promise<SubmitAnswer> => {
  assertOpen(state);
  parseOptions(z.string(), endpoint, ['endpoint']);
  const planKey = randomUUID();
  state.submitPlans.set(planKey, parseOptions(planSchema, plan, ['plan']));
  const { apiKey } = state.options;
  const path = endpoint.startsWith('/') ? endpoint : `/v3/async/${endpoint}`;
  try {
    const response = await fetch(state.url + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        [PLAN_KEY_HEADER]: planKey,
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify(addSampleParameters(endpoint, body)),
    });
    return await readSubmitAnswer(response);
  } finally {
    state.submitPlans.delete(planKey);
  }
};
