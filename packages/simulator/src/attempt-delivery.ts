import { redactUrl } from '@novita-webhooks/core';

import { callHook } from './call-hook.ts';
import { isAcknowledged, isRetried } from './delivery.ts';
import type { Delivery, DeliveryAnswer, DeliveryKind } from './delivery.ts';
import { drawAttemptFaults } from './draw.ts';
import type { EventBody } from './event-body.ts';
import type { FaultName } from './faults.ts';
import { releaseHeldEvents } from './hold-event.ts';
import { redactText } from './redact.ts';
import type { State } from './state.ts';
import type { Task } from './task.ts';
import { createTransmission, cutBody } from './transmission.ts';
import { updateTask } from './update-task.ts';

/** One copy of an event, addressed to one URL. */
export interface EventCopy {
  readonly task: Task;
  readonly url: string;
  readonly body: EventBody;
  readonly kind: DeliveryKind;
  readonly copy: number;
}

export const createCopy = (
  task: Task,
  kind: DeliveryKind,
  body: EventBody,
  url: string,
): EventCopy => {
  task.copies += 1;
  return { task, url, body, kind, copy: task.copies };
};

/** A copy that is sent by hand has no fault but that of `breakNext()`. */
const chooseFaults = (
  state: State,
  { task, kind, copy }: EventCopy,
  attempt: number,
): FaultName[] => {
  const next = state.nextFaults.shift();
  if (next !== undefined) return [next];
  if (kind === 'manual' || kind === 'redelivery') return [];
  const topic = { taskNumber: task.number, copy, attempt };
  return drawAttemptFaults(task.plan.faults, state.options.seed, topic);
};

const send = async (
  state: State,
  { task, url, body, copy }: EventCopy,
  attempt: number,
  faults: readonly FaultName[],
): Promise<DeliveryAnswer> => {
  if (body instanceof Error) return { error: 'transform', message: body.message };
  const topic = [task.number, copy, attempt];
  const transmission = createTransmission(faults, task.plan.faults, state.options.seed, topic);
  const sent = faults.includes('truncate') ? cutBody(body) : body;
  const answer = await state.httpPost(url, sent, transmission);
  // An endpoint can repeat the URL in its answer.
  return 'body' in answer ? { ...answer, body: redactText(answer.body, url) } : answer;
};

const findNextAttempt = (
  state: State,
  { kind, body }: EventCopy,
  attempt: number,
  answer: DeliveryAnswer,
): number | undefined => {
  const delayMs = state.options.retryDelaysMs[attempt - 1];
  if (!isRetried(kind) || isAcknowledged({ answer })) return undefined;
  return body instanceof Error || delayMs === undefined ? undefined : state.options.now() + delayMs;
};

/** What the state of the event is after a POST. An event that was acknowledged once stays so. */
const findEventState = (task: Task, delivery: Delivery): Task['eventState'] => {
  if (task.eventState === 'acknowledged' || isAcknowledged(delivery)) return 'acknowledged';
  if (!isRetried(delivery.kind)) return task.eventState;
  return delivery.nextAttemptAt === undefined ? 'unacknowledged' : 'retrying';
};

const record = (state: State, task: Task, delivery: Delivery): void => {
  const { activity, options, deliveries } = state;
  deliveries.push(delivery);
  callHook(options.onDelivery, delivery);
  activity.publish(() => ({ type: 'delivery', at: options.now(), delivery }));
  const eventState = findEventState(task, delivery);
  const retries = isRetried(delivery.kind) ? { nextAttemptAt: delivery.nextAttemptAt } : {};
  updateTask(state, task, { eventState, attempts: task.attempts + 1, ...retries });
};

const markDelivering = (state: State, { task, kind }: EventCopy): void => {
  if (!isRetried(kind) || task.eventState === 'acknowledged') return;
  updateTask(state, task, { eventState: 'delivering', nextAttemptAt: undefined });
};

/** Sends one POST when the semaphore has a free slot. Rejects if `close()` is called before. */
export const attemptDelivery = (
  state: State,
  eventCopy: EventCopy,
  attempt = 1,
): Promise<Delivery> =>
  state.semaphore(async () => {
    state.closing.signal.throwIfAborted();
    const { task, url, kind, copy } = eventCopy;
    const faults = chooseFaults(state, eventCopy, attempt);
    markDelivering(state, eventCopy);
    const startedAt = state.options.now();
    const startMs = performance.now();
    const answer = await send(state, eventCopy, attempt, faults);
    const durationMs = Math.round(performance.now() - startMs);
    const nextAttemptAt = findNextAttempt(state, eventCopy, attempt, answer);
    const delivery: Delivery = {
      ...{ taskId: task.id, url: redactUrl(url), kind, copy, attempt },
      ...{ startedAt, durationMs, answer, faults, nextAttemptAt },
    };
    record(state, task, delivery);
    releaseHeldEvents(state);
    return delivery;
  });
