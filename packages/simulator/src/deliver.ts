// Deliveries that the caller asks for: `deliver()`, `redeliver()`, `breakNext()`.
import * as z from 'zod';

import { callbackUrlSchema, findAddressProblem } from './callback-url.ts';
import { deliverManually, redeliverEvent } from './deliver-event.ts';
import type { Delivery } from './delivery.ts';
import { attemptFaults, type AttemptFault } from './faults.ts';
import { functionSchema, parseOptions } from './parse-options.ts';
import type { Plan } from './plan.ts';
import { assertOpen, track, type State } from './state.ts';
import type { Task } from './task.ts';

/** Overrides for one manual delivery. */
export interface DeliverOptions {
  /** Default: the callback URL of the task. */
  readonly url?: string | undefined;
  /** Origin that replaces that of the URL: another process, such as `http://127.0.0.1:3001`. */
  readonly origin?: string | undefined;
  /** Default: `transformEvent` of the task's plan. */
  readonly transformEvent?: Plan['transformEvent'];
}

const deliverSchema = z.strictObject({
  url: callbackUrlSchema.optional(),
  origin: callbackUrlSchema.optional(),
  transformEvent: functionSchema<NonNullable<Plan['transformEvent']>>().optional(),
});

const findFinishedTask = (state: State, taskId: string): Task => {
  const task = state.tasks.get(taskId);
  if (!task) throw new Error(`simulator: no task has the id ${taskId}.`);
  if (!task.event) throw new Error(`simulator: task ${taskId} has not finished. Await idle().`);
  return task;
};

const findUrl = (
  state: State,
  { id, callbackUrl }: Task,
  { url = callbackUrl, origin }: DeliverOptions,
): string => {
  if (url === undefined) throw new Error(`simulator: task ${id} has no callback URL. Pass url.`);
  const { href, pathname, search, hash } = new URL(url);
  const address = origin === undefined ? href : new URL(origin).origin + pathname + search + hash;
  const problem = findAddressProblem(address, state.options.allowRemote);
  if (problem) throw new Error(`simulator: deliver.${origin ? 'origin' : 'url'}: ${problem}`);
  return origin === undefined ? url : address;
};

/** Delivers the event of a task once. */
export const deliver = async (
  state: State,
  taskId: string,
  options: DeliverOptions,
): Promise<Delivery> => {
  assertOpen(state);
  const overrides = parseOptions(deliverSchema, options, ['deliver']);
  const task = findFinishedTask(state, taskId);
  const url = findUrl(state, task, overrides);
  const transformEvent = overrides.transformEvent ?? task.plan.transformEvent;
  const delivery = deliverManually(state, task, url, transformEvent);
  void track(state, delivery);
  return delivery;
};

/** Delivers the event of a task with retries. */
export const redeliver = async (state: State, taskId: string): Promise<Delivery> => {
  assertOpen(state);
  const task = findFinishedTask(state, taskId);
  const delivery = redeliverEvent(state, task, findUrl(state, task, {}));
  void track(state, delivery);
  return delivery;
};

/** Whether the event was not sent, or never acknowledged, and no attempt is left. */
const isUndelivered = ({ eventState }: Pick<Task, 'eventState'>): boolean =>
  eventState === 'unacknowledged' || eventState === 'dropped';

/** Delivers all events that were never acknowledged. */
export const redeliverAll = (state: State): Promise<Delivery[]> =>
  Promise.all(
    [...state.tasks.values()].filter(isUndelivered).map(({ id }) => redeliver(state, id)),
  );

const faultSchema = z.enum(attemptFaults as readonly [AttemptFault, ...AttemptFault[]]);

/** Gives the next POST a fault. */
export const breakNext = (state: State, fault: AttemptFault): void => {
  state.nextFaults.push(parseOptions(faultSchema, fault, ['fault']));
};
