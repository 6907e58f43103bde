import { createServer } from 'node:http';

import type { ActivityListener } from './activity.ts';
import { breakNext, deliver, redeliver, redeliverAll, type DeliverOptions } from './deliver.ts';
import type { Delivery } from './delivery.ts';
import type { AttemptFault } from './faults.ts';
import type { SimulatorOptions } from './options.ts';
import { resolveOptions } from './resolve-options.ts';
import type { Plan } from './plan.ts';
import { createReport, type SimulatorReport } from './report.ts';
import { listen, serve, shutDown } from './server.ts';
import { readSettings, type SimulatorSettings } from './settings.ts';
import { snapshotTask } from './snapshot-task.ts';
import { createState, waitUntilIdle } from './state.ts';
import { submit, type SubmitAnswer } from './submit.ts';
import type { SimulatedTask } from './task.ts';

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
  /**
   * Delivers the event of a finished task as if it had just finished, with retries and without faults.
   * Resolves to the last attempt. Events that were never acknowledged are kept for it.
   *
   * @throws {Error} when the task is unknown, has not finished or has no callback URL
   * @example
   * const { answer } = await simulator.redeliver(task_id);
   */
  readonly redeliver: (taskId: string) => Promise<Delivery>;
  /** Delivers all events that were never acknowledged. Resolves to the last attempt of each. */
  readonly redeliverAll: () => Promise<readonly Delivery[]>;
  /**
   * Gives the next POST a fault, whatever its task. Each further call is for one more POST.
   *
   * @param fault default `reset`: the connection breaks
   * @throws {TypeError} when the fault is not one of an attempt
   */
  readonly breakNext: (fault?: AttemptFault) => void;
  /**
   * Calls a function with everything that happens from now on. Returns a function that ends this.
   *
   * @example
   * const unsubscribe = simulator.subscribe((activity) => {
   *   if (activity.type === 'delivery') console.log(activity.delivery.answer);
   * });
   */
  readonly subscribe: (listener: ActivityListener) => () => void;
  /** Counts tasks, events and deliveries. */
  readonly report: () => SimulatorReport;
  /** Returns how events are delivered from now on: faults and retries. */
  readonly settings: () => SimulatorSettings;
  /** Returns a snapshot of a task, `undefined` if none has the id. */
  readonly task: (taskId: string) => SimulatedTask | undefined;
  /** Returns a snapshot of all tasks, oldest first. */
  readonly tasks: () => readonly SimulatedTask[];
  /** Returns all POSTs that have ended, in the order of their ends. */
  readonly deliveries: () => readonly Delivery[];
  /** Resolves when no task runs and no delivery or retry is outstanding. */
  readonly idle: () => Promise<void>;
  /** Aborts tasks, deliveries and retries, and closes all connections. A second call is harmless. */
  readonly close: () => Promise<void>;
}

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
    redeliver: (taskId) => redeliver(state, taskId),
    redeliverAll: () => redeliverAll(state),
    breakNext: (fault = 'reset') => breakNext(state, fault),
    subscribe: (listener) => state.activity.subscribe(listener),
    report: () => createReport(state),
    settings: () => readSettings(state),
    task: (taskId) => {
      const task = state.tasks.get(taskId);
      return task && snapshotTask(task, resolved.now());
    },
    tasks: () => [...state.tasks.values()].map((task) => snapshotTask(task, resolved.now())),
    deliveries: () => [...state.deliveries],
    idle: () => waitUntilIdle(state),
    close: () => (closed ??= shutDown(server, state)),
  };
};
