import type { IncomingMessage } from 'node:http';

import { ApiError, invalidRequest } from './api-error.ts';
import type { JsonObject } from './check.ts';
import { parsePlan, parseWirePlan, type Plan } from './plan.ts';
import { readBody } from './read-body.ts';
import { runTask } from './run-task.ts';
import { track, type State } from './state.ts';
import { readSection, readSubmission, type Submission } from './submission.ts';
import { createTask, type Task } from './task.ts';

/** Carries the ticket of a plan that `submit()` was given: functions do not fit into JSON. */
export const ticketHeader = 'x-simulator-plan';

const askUser = (state: State, submission: Submission): Plan => {
  try {
    return parsePlan('plan()', state.options.plan(submission));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ApiError(500, 'INVALID_PLAN', `the option plan failed: ${message}`);
  }
};

const readWirePlan = (body: JsonObject): Plan => {
  try {
    return parseWirePlan('extra.simulator', readSection(body, 'extra', 'extra')['simulator']);
  } catch (error) {
    throw error instanceof TypeError || error instanceof RangeError
      ? invalidRequest(error.message)
      : error;
  }
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
  const submission = readSubmission(endpoint, body, state.tasks.size + 1, allowRemote);
  const plans = [askUser(state, submission), readWirePlan(body), readTicket(state, request)];
  const task = createTask(submission, plans, taskMs, now());
  state.tasks.set(task.id, task);
  void track(state, runTask(state, task));
  return task;
};
