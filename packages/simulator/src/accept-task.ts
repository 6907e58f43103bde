import { redactUrl, validate } from '@novita-webhooks/core';
import type { IncomingMessage } from 'node:http';

import { ApiError } from './api-error.ts';
import { callHook } from './call-hook.ts';
import { planSchema, type Plan } from './plan.ts';
import { readBody } from './read-body.ts';
import { redactValue } from './redact.ts';
import { runTask } from './run-task.ts';
import { track, type State } from './state.ts';
import { readSubmission, type Submission } from './submission.ts';
import { snapshotTask } from './snapshot-task.ts';
import { createTask, type Task } from './task.ts';
import { updateTask } from './update-task.ts';

/** Request header with the key of a plan in `State.submitPlans`: JSON cannot hold its functions. */
export const PLAN_KEY_HEADER = 'x-simulator-plan';

/** The function can log its argument, so the URL in it has no token. */
const redactSubmission = (submission: Submission): Submission => {
  const { body, callbackUrl } = submission;
  return {
    ...submission,
    body: redactValue(body, callbackUrl) as Submission['body'],
    callbackUrl: callbackUrl && redactUrl(callbackUrl),
  };
};

const callPlanOption = (state: State, submission: Submission): Plan | undefined => {
  try {
    return state.options.plan(redactSubmission(submission));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ApiError(500, 'INVALID_PLAN', `plan(): ${message}`);
  }
};

const readOptionPlan = (state: State, submission: Submission): Plan => {
  const checked = validate(planSchema, callPlanOption(state, submission), ['plan()']);
  if ('value' in checked) return checked.value;
  throw new ApiError(500, 'INVALID_PLAN', checked.fault);
};

const readSubmitPlan = ({ submitPlans }: State, { headers }: IncomingMessage): Plan =>
  submitPlans.get(String(headers[PLAN_KEY_HEADER])) ?? {};

/**
 * Creates the task of a submit call and starts it.
 *
 * @throws {ApiError} when the body or the plan is invalid
 */
export const acceptTask = async (
  state: State,
  endpoint: string,
  request: IncomingMessage,
): Promise<Task> => {
  const { allowRemote, now } = state.options;
  const body = await readBody(request);
  const number = state.tasks.size + 1;
  const { plan: bodyPlan, ...submission } = readSubmission(endpoint, body, number, allowRemote);
  const plans = [readOptionPlan(state, submission), bodyPlan, readSubmitPlan(state, request)];
  const task = createTask(submission, plans, state.options, now());
  state.tasks.set(task.id, task);
  callHook(state.options.onTask, snapshotTask(task, now()));
  updateTask(state, task, {});
  void track(state, runTask(state, task));
  return task;
};
