// What programs without access to the simulator's object can ask of it over HTTP.
import { invalidRequest, type ApiError } from './api-error.ts';
import { breakNext, redeliver, redeliverAll } from './deliver.ts';
import type { AttemptFault } from './faults.ts';
import { createReport } from './report.ts';
import { createJsonReply, type Reply } from './reply.ts';
import { snapshotTask } from './snapshot-task.ts';
import type { State } from './state.ts';

type Control = (state: State, query: URLSearchParams) => unknown;

/** Turns an error of an operation, such as an unknown task, into a 400. */
const toRejection = (error: unknown): ApiError =>
  invalidRequest(error instanceof Error ? error.message : String(error));

const redeliverTask: Control = async (state, query) => {
  const taskId = query.get('task_id');
  return { deliveries: taskId ? [await redeliver(state, taskId)] : await redeliverAll(state) };
};

const breakNextDelivery: Control = (state, query) => {
  const fault = query.get('fault') ?? 'reset';
  breakNext(state, fault as AttemptFault); // which checks it
  return { fault };
};

const controls: Readonly<Record<string, Control>> = {
  report: createReport,
  tasks: ({ tasks, options }) =>
    [...tasks.values()].map((task) => snapshotTask(task, options.now())),
  deliveries: (state) => state.deliveries,
  redeliver: redeliverTask,
  'break-next': breakNextDelivery,
};

/**
 * Answers a request to `/simulator/<name>`.
 *
 * @throws {ApiError} when the operation rejects the request
 */
export const answerControl = async (
  state: State,
  name: string,
  query: URLSearchParams,
): Promise<Reply> => {
  try {
    return createJsonReply((await controls[name]?.(state, query)) ?? null);
  } catch (error) {
    throw toRejection(error);
  }
};
