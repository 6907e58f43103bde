import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import * as z from 'zod';

import { PLAN_KEY_HEADER } from './accept-task.ts';
import { callbackUrlSchema, findAddressProblem } from './callback-url.ts';
import { deliverManually } from './deliver-event.ts';
import type { Delivery } from './delivery.ts';
import { isObject } from './json.ts';
import { resolveOptions, type SimulatorOptions } from './options.ts';
import { functionSchema, parseOptions } from './parse-options.ts';
import { planSchema, type Plan } from './plan.ts';
import { addSampleParameters } from './required-parameters.ts';
import { listen, serve, shutDown } from './server.ts';
import { createState, track, waitUntilIdle, type State } from './state.ts';
import type { SimulatedTask } from './task.ts';

/** Result of `submit()`: the body of Novita's response. */
export interface SubmitAnswer {
  readonly task_id: string;
}

/** Overrides for one manual delivery. */
export interface DeliverOptions {
  /** Default: the callback URL of the task. */
  readonly url?: string | undefined;
  /** Default: `transformEvent` of the task's plan. */
  readonly transformEvent?: Plan['transformEvent'];
}

/** A local Novita. */
export interface Simulator {
  /** `http://127.0.0.1:PORT`, the base URL that replaces `https://api.novita.ai`. */
  readonly url: string;
  /**
   * Submits a task with an HTTP request to the simulator.
   *
   * @param endpoint `'txt2img'` for `/v3/async/txt2img`; a path if it starts with `/`
   * @param body body for Novita; default `{}`, which requests no webhook. Required parameters that it
   * lacks get a sample value. The check of a client's body needs a request over HTTP.
   * @param plan overrides `extra.simulator` in the body and the option `plan`, field by field
   * @throws {TypeError} when the plan is invalid
   * @throws {Error} when the simulator rejects the request; the message holds status and reason
   * @example
   * const body = { extra: { webhook: { url } }, request: { prompt: 'a red kite' } };
   * const { task_id } = await simulator.submit('txt2img', body, { duplicates: 2 });
   */
  readonly submit: (endpoint: string, body?: object, plan?: Plan) => Promise<SubmitAnswer>;
  /**
   * Delivers the event of a finished task once, without retries.
   *
   * @throws {TypeError} when an option is invalid
   * @throws {Error} when the task is unknown, has not finished or has no URL, when the URL is not a
   * loopback address, or when `close()` is called before the POST starts
   * @example
   * const { answer } = await simulator.deliver(task_id);
   */
  readonly deliver: (taskId: string, options?: DeliverOptions) => Promise<Delivery>;
  /** Returns a snapshot of all tasks, oldest first. */
  readonly tasks: () => readonly SimulatedTask[];
  /** Returns all POSTs that have ended, in the order of their ends. */
  readonly deliveries: () => readonly Delivery[];
  /** Resolves when no task runs and no delivery or retry is outstanding. */
  readonly idle: () => Promise<void>;
  /** Aborts tasks, deliveries and retries, and closes all connections. A second call is harmless. */
  readonly close: () => Promise<void>;
}

const deliverSchema = z.strictObject({
  url: callbackUrlSchema.optional(),
  transformEvent: functionSchema<NonNullable<Plan['transformEvent']>>().optional(),
});

const readSubmitAnswer = async (response: Response): Promise<SubmitAnswer> => {
  const answer: unknown = await response.json();
  if (response.ok) return answer as SubmitAnswer;
  const { reason, message } = isObject(answer) ? answer : {};
  throw new Error(
    `simulator: submit failed with ${response.status} ${String(reason)}: ${String(message)}`,
  );
};

const assertOpen = (state: State): void => {
  if (!state.closing.signal.aborted) return;
  throw new Error('simulator: the simulator is closed. Create another one.');
};

const submit = async (
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

const deliver = async (
  state: State,
  taskId: string,
  options: DeliverOptions,
): Promise<Delivery> => {
  assertOpen(state);
  const overrides = parseOptions(deliverSchema, options, ['deliver']);
  const task = state.tasks.get(taskId);
  if (!task) throw new Error(`simulator: no task has the id ${taskId}.`);
  if (!task.event) throw new Error(`simulator: task ${taskId} has not finished. Await idle().`);
  const url = overrides.url ?? task.callbackUrl;
  if (url === undefined)
    throw new Error(`simulator: task ${taskId} has no callback URL. Pass url.`);
  const problem = findAddressProblem(url, state.options.allowRemote);
  if (problem) throw new Error(`simulator: deliver.url: ${problem}`);
  const transformEvent = overrides.transformEvent ?? task.plan.transformEvent;
  const delivery = deliverManually(state, task, url, transformEvent);
  void track(state, delivery);
  return delivery;
};

/**
 * Starts a local Novita on 127.0.0.1. It accepts tasks, serves their results and delivers their
 * events with Novita's timeout and retries.
 *
 * @throws {TypeError} when an option is invalid; the message names it
 * @throws {Error} with code `EADDRINUSE` when the port is in use
 * @example
 * const simulator = await createSimulator({ taskMs: 500 });
 * await simulator.submit('txt2img', { extra: { webhook: { url: 'http://127.0.0.1:3000/hook' } } });
 * await simulator.idle();
 * console.log(simulator.deliveries());
 * await simulator.close();
 */
export const createSimulator = async (options: SimulatorOptions = {}): Promise<Simulator> => {
  const resolved = resolveOptions(options);
  const server = createServer();
  const url = await listen(server, resolved.port);
  const state = createState(resolved, url);
  serve(server, state);
  let closed: Promise<void> | undefined;
  return {
    url,
    submit: (endpoint, body = {}, plan) => submit(state, endpoint, body, plan),
    deliver: (taskId, overrides = {}) => deliver(state, taskId, overrides),
    tasks: () => [...state.tasks.values()].map((task) => ({ ...task })),
    deliveries: () => [...state.deliveries],
    idle: () => waitUntilIdle(state),
    close: () => (closed ??= shutDown(server, state)),
  };
};
