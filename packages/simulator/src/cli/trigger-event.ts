import { randomUUID } from 'node:crypto';

import { deliverEvent } from '../deliver-event.ts';
import type { Delivery } from '../delivery.ts';
import type { Media, TestMode } from '../novita-types.ts';
import type { ResolvedOptions } from '../options.ts';
import { resolveOptions } from '../resolve-options.ts';
import type { Plan } from '../plan.ts';
import { finishTask } from '../run-task.ts';
import { createState, type State } from '../state.ts';
import { createTask, type Task } from '../task.ts';
import { taskIdOf } from './event-body.ts';

export interface TriggeredEvent {
  readonly url: string;
  /** Default: a random UUID. */
  readonly taskId: string | undefined;
  /** Default: a type that fits the media. */
  readonly taskType: string | undefined;
  readonly testMode: TestMode | undefined;
  readonly plan: Plan;
  /** Delays before retries; empty for no retries. */
  readonly retryDelaysMs: readonly number[];
  /** The body to deliver instead of the generated event. */
  readonly toBody: (generated: string) => string;
  /** Base URL of the result files. */
  readonly simulatorUrl: string;
  readonly onDelivery: (delivery: Delivery) => void;
}

const endpoints: Readonly<Record<Media, string>> = {
  images: 'txt2img',
  videos: 'txt2video',
  audios: 'minimax-speech-02-turbo',
};

/** The links lead to sample files, which a simulator serves without a signature of its own. */
const createTriggerState = (event: TriggeredEvent): State => {
  const { retryDelaysMs, onDelivery, simulatorUrl } = event;
  const retry = {
    maxRetries: retryDelaysMs.length,
    delayMs: (number: number) => retryDelaysMs[number - 1] ?? 0,
  };
  const state = createState(resolveOptions({ allowRemote: true, retry, onDelivery }), simulatorUrl);
  const sign = (path: string): string => state.links.sign(path.replace('/files/', '/samples/'));
  return { ...state, links: { ...state.links, sign } };
};

const createTriggeredTask = (event: TriggeredEvent, settings: ResolvedOptions): Task => {
  const { taskId = randomUUID(), taskType, testMode, plan, url } = event;
  const endpoint = endpoints[plan.media ?? 'images'];
  const body = { prompt: 'a red kite' };
  const submission = { taskId, number: 1, endpoint, body, callbackUrl: url, testMode };
  const task = createTask(submission, [plan], settings, Date.now());
  return taskType === undefined ? task : { ...task, taskType };
};

/** Delivers one event as Novita would, and resolves to its task when all deliveries have ended. */
export const triggerEvent = async (event: TriggeredEvent): Promise<Task> => {
  const state = createTriggerState(event);
  const task = createTriggeredTask(event, state.options);
  try {
    finishTask(state, task);
    const body = event.toBody(JSON.stringify(task.event));
    task.plan = { ...task.plan, transformEvent: () => body };
    await deliverEvent(state, task);
    return { ...task, id: taskIdOf(body) ?? task.id };
  } finally {
    state.closing.abort();
  }
};
