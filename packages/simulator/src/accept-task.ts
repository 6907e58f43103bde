import type { IncomingMessage } from 'node:http';

import { ApiError } from './api-error.ts';
import { describeIssues } from './parse-options.ts';
import { planSchema, type Plan } from './plan.ts';
import { readBody } from './read-body.ts';
import { runTask } from './run-task.ts';
import { track, type State } from './state.ts';
import { readSubmission, type Submission } from './submission.ts';
import { createTask, type Task } from './task.ts';

/** Carries the ticket of a plan that `submit()` was given: functions do not fit into JSON. */
export const ticketHeader = 'x-simulator-plan';

const callUserPlan = (state: State, submission: Submission): Plan | undefined => {
  try {
    return state.options.plan(submission);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ApiError(500, 'INVALID_PLAN', `plan(): ${message}`);
  }
};

const askUser = (state: State, submission: Submission): Plan => {
  const parsed = planSchema.safeParse(callUserPlan(state, submission));
  if (parsed.success) return parsed.data;
  throw new ApiError(500, 'INVALID_PLAN', describeIssues(parsed.error, ['plan()']));
};

const readTicket = ({ tickets }: State, { headers }: IncomingMessage): Plan =>
  tickets.get(String(headers[ticketHeader])) ?? {};

/** Makes a task of a submit call and starts it. Throws an ApiError when the call is refused. */
export const acceptTask = async (
  state: State,
  endpoint: string,
  request: IncomingMessage,
): Promise<Task> => {
  const { allowRemote, now, taskMs } = state.options;
  const body = await readBody(request);
  const { plan: bodyPlan, ...submission } = readSubmission(
    endpoint,
    body,
    state.tasks.size + 1,
    allowRemote,
  );
  const plans = [askUser(state, submission), bodyPlan, readTicket(state, request)];
  const task = createTask(submission, plans, taskMs, now());
  state.tasks.set(task.id, task);
  void track(state, runTask(state, task));
  return task;
};
