import { setTimeout as delay } from 'node:timers/promises';

import { attemptDelivery, createCopy, type EventCopy } from './attempt-delivery.ts';
import { isAcknowledged, type Delivery, type DeliveryKind } from './delivery.ts';
import { createBody, createFlippedBody } from './event-body.ts';
import { holdEvent } from './hold-event.ts';
import type { Plan } from './plan.ts';
import type { State } from './state.ts';
import type { Task } from './task.ts';
import { updateTask } from './update-task.ts';

/** Retries a delivery until it is acknowledged or no retry is left. Resolves to the last attempt. */
const deliverWithRetries = async (state: State, eventCopy: EventCopy): Promise<Delivery> => {
  let delivery = await attemptDelivery(state, eventCopy);
  for (const [index, delayMs] of state.options.retryDelaysMs.entries()) {
    if (delivery.nextAttemptAt === undefined) return delivery;
    await delay(delayMs, undefined, { signal: state.closing.signal });
    delivery = await attemptDelivery(state, eventCopy, index + 2);
  }
  return delivery;
};

/** Sends the copies that follow after the first 2xx. */
const deliverFollowing = async (
  state: State,
  task: Task,
  create: (kind: DeliveryKind) => EventCopy,
): Promise<void> => {
  for (let sent = 0; sent < task.plan.duplicates; sent++) {
    await attemptDelivery(state, create('duplicate'));
  }
  if (!task.faults.includes('flip')) return;
  const body = createFlippedBody(task, state.links.sign);
  await attemptDelivery(state, { ...create('flip'), body });
};

/** Delivers the event of a finished task: with retries, parallel copies, duplicates and faults. */
export const deliverEvent = async (state: State, task: Task): Promise<void> => {
  const { callbackUrl: url, plan } = task;
  if (url === undefined || task.eventState === 'none') return;
  if (plan.dropDelivery) return updateTask(state, task, { eventState: 'dropped' });
  await holdEvent(state, task);
  const body = createBody(task, plan.transformEvent);
  const create = (kind: DeliveryKind): EventCopy => createCopy(task, kind, body, url);
  const main = create('main');
  const parallel = Array.from({ length: plan.parallelCopies - 1 }, () => create('parallel'));

  const deliverMain = async (): Promise<void> => {
    if (isAcknowledged(await deliverWithRetries(state, main))) {
      await deliverFollowing(state, task, create);
    }
  };
  await Promise.all([deliverMain(), ...parallel.map((copy) => attemptDelivery(state, copy))]);
};

/** Delivers the event of a finished task once, without retries. */
export const deliverManually = (
  state: State,
  task: Task,
  url: string,
  transformEvent: Plan['transformEvent'],
): Promise<Delivery> =>
  attemptDelivery(state, createCopy(task, 'manual', createBody(task, transformEvent), url));

/** Delivers the event of a finished task with retries, and resolves to the last attempt. */
export const redeliverEvent = (state: State, task: Task, url: string): Promise<Delivery> => {
  const body = createBody(task, task.plan.transformEvent);
  return deliverWithRetries(state, createCopy(task, 'redelivery', body, url));
};
