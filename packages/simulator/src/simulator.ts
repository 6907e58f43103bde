import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { z } from 'zod';

import { ticketHeader } from './accept-task.ts';
import { callbackUrlSchema, findAddressProblem } from './callback-url.ts';
import { createLetter, post, toBody } from './deliver-event.ts';
import type { Delivery } from './delivery.ts';
import { isObject } from './json.ts';
import { resolveOptions, type SimulatorOptions } from './options.ts';
import { functionSchema, parseOptions } from './parse-options.ts';
import { planSchema, type Plan } from './plan.ts';
import { listen, serve, shutDown } from './server.ts';
import { createState, idle, track, type State } from './state.ts';
import type { SimulatedTask } from './task.ts';

/** What `submit()` resolves to: Novita's own answer. */
export interface SubmitAnswer {
  readonly task_id: string;
}

/** What `deliver()` does otherwise than the task was told to. */
export interface DeliverOptions {
  /** Another address than the task's callback URL. */
  readonly url?: string | undefined;
  /** Takes the place of the plan's `transformEvent`. */
  readonly transformEvent?: Plan['transformEvent'];
}

/** A local Novita AI. */
export interface Simulator {
  /** `http://127.0.0.1:PORT`, the base URL to use in place of `https://api.novita.ai`. */
  readonly url: string;
  /**
   * Submits a task with a real HTTP request to the simulator.
   *
   * @param endpoint `'txt2img'` for `/v3/async/txt2img`; a path if it starts with `/`
   * @param body as for Novita; default `{}`, which asks for no webhook
   * @param plan goes before what the body and the option `plan` ask for
   * @throws {TypeError} when the plan is invalid
   * @throws {Error} when the simulator refuses the submit, with its status and message
   * @example
   * const body = { extra: { webhook: { url } }, request: { prompt: 'a red kite' } };
   * const { task_id } = await simulator.submit('txt2img', body, { duplicates: 2 });
   */
  readonly submit: (endpoint: string, body?: object, plan?: Plan) => Promise<SubmitAnswer>;
  /**
   * Delivers the event of a task once more, without repeats, and resolves to what came of it.
   *
   * @throws {TypeError} when an option is invalid
   * @throws {Error} when the task is unknown, still runs, or has no callback URL and none is given
   * @example
   * const { answer } = await simulator.deliver(task_id);
   */
  readonly deliver: (taskId: string, options?: DeliverOptions) => Promise<Delivery>;
  /** All tasks so far, oldest first, as they are now. */
  readonly tasks: () => readonly SimulatedTask[];
  /** Every POST so far, in the order in which they ended. */
  readonly deliveries: () => readonly Delivery[];
  /** Resolves when no task runs and no delivery or repeat is outstanding. */
  readonly idle: () => Promise<void>;
  /** Drops tasks, deliveries and repeats, and closes all connections. May be called again. */
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
  throw new Error(`submit was refused: ${response.status} ${String(reason)}: ${String(message)}`);
};

const assertOpen = (state: State): void => {
  if (state.closing.signal.aborted) throw new Error('the simulator is closed');
};

const submit = async (
  state: State,
  endpoint: string,
  body: object,
  plan: unknown,
): Promise<SubmitAnswer> => {
  assertOpen(state);
  parseOptions(z.string(), endpoint, ['endpoint']);
  const ticket = randomUUID();
  state.tickets.set(ticket, parseOptions(planSchema, plan, ['plan']));
  const { apiKey } = state.options;
  const path = endpoint.startsWith('/') ? endpoint : `/v3/async/${endpoint}`;
  try {
    const response = await fetch(state.url + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        [ticketHeader]: ticket,
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify(body),
    });
    return await readSubmitAnswer(response);
  } finally {
    state.tickets.delete(ticket);
  }
};

const deliver = async (
  state: State,
  taskId: string,
  options: DeliverOptions,
): Promise<Delivery> => {
  assertOpen(state);
  const { url: otherUrl, transformEvent } = parseOptions(deliverSchema, options, ['deliver']);
  const task = state.tasks.get(taskId);
  if (!task) throw new Error(`there is no task ${taskId}`);
  if (!task.event) throw new Error(`task ${taskId} still runs, there is nothing to deliver`);
  const url = otherUrl ?? task.callbackUrl;
  if (url === undefined) throw new Error(`task ${taskId} has no callback URL`);
  const problem = findAddressProblem(url, state.options.allowRemote);
  if (problem) throw new Error(`simulator: deliver.url: ${problem}`);
  const body = toBody(task, transformEvent ?? task.plan.transformEvent);
  const delivery = post(state, createLetter(task, 'manual', body, url));
  void track(state, delivery);
  return delivery;
};

/**
 * Starts a local Novita AI on 127.0.0.1: it takes tasks, serves their results, and delivers their
 * events with Novita's timeout and repeats.
 *
 * @throws {TypeError} when an option is invalid; the message names it
 * @throws {Error} with code `EADDRINUSE` when the port is taken
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
    deliver: (taskId, how = {}) => deliver(state, taskId, how),
    tasks: () => [...state.tasks.values()].map((task) => ({ ...task })),
    deliveries: () => [...state.deliveries],
    idle: () => idle(state),
    close: () => (closed ??= shutDown(server, state)),
  };
};
