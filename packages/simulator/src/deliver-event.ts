import { redactUrl } from '@novita-webhooks/core';
import { setTimeout as delay } from 'node:timers/promises';

import { callHook } from './call-hook.ts';
import { isAcknowledged, type Delivery } from './delivery.ts';
import type { DeliveryAnswer, DeliveryKind } from './delivery.ts';
import type { Plan } from './plan.ts';
import type { State } from './state.ts';
import type { Task } from './task.ts';

/** Body to send, or the error that `transformEvent` caused. */
type EventBody = string | Uint8Array | Error;

/** One copy of an event, addressed to one URL. */
interface EventCopy {
  readonly taskId: string;
  readonly url: string;
  readonly body: EventBody;
  readonly kind: DeliveryKind;
  readonly copy: number;
}

const encode = (value: unknown): string | Uint8Array => {
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  if (value === undefined) return '';
  const json: unknown = JSON.stringify(value);
  if (typeof json === 'string') return json;
  throw new TypeError(`transformEvent returned a ${typeof value}, which JSON cannot hold`);
};

const createBody = ({ event }: Task, transformEvent: Plan['transformEvent']): EventBody => {
  try {
    return encode(transformEvent && event ? transformEvent(structuredClone(event)) : event);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
};

const createCopy = (task: Task, kind: DeliveryKind, body: EventBody, url: string): EventCopy => {
  task.copies += 1;
  return { taskId: task.id, url, body, kind, copy: task.copies };
};

const send = async (state: State, { url, body }: EventCopy): Promise<DeliveryAnswer> =>
  body instanceof Error
    ? { error: 'transform', message: body.message }
    : await state.httpPost(url, body);

const record = (state: State, delivery: Delivery): void => {
  state.deliveries.push(delivery);
  callHook(state.options.onDelivery, delivery);
};

/** Sends one POST when the semaphore has a free slot. Rejects if `close()` is called before. */
const attemptDelivery = (state: State, eventCopy: EventCopy, attempt = 1): Promise<Delivery> =>
  state.semaphore(async () => {
    state.closing.signal.throwIfAborted();
    const { taskId, url, kind, copy } = eventCopy;
    const startedAt = state.options.now();
    const startMs = performance.now();
    const answer = await send(state, eventCopy);
    const durationMs = Math.round(performance.now() - startMs);
    const delivery = {
      taskId,
      url: redactUrl(url),
      kind,
      copy,
      attempt,
      startedAt,
      durationMs,
      answer,
    };
    record(state, delivery);
    return delivery;
  });

/** Retries a delivery until it is acknowledged or no retry is left. Resolves to whether it was. */
const deliverWithRetries = async (state: State, eventCopy: EventCopy): Promise<boolean> => {
  if (isAcknowledged(await attemptDelivery(state, eventCopy))) return true;
  if (eventCopy.body instanceof Error) return false;
  for (const [index, delayMs] of state.options.retryDelaysMs.entries()) {
    await delay(delayMs, undefined, { signal: state.closing.signal });
    if (isAcknowledged(await attemptDelivery(state, eventCopy, index + 2))) return true;
  }
  return false;
};

/** Delivers the event of a finished task: with retries, parallel copies and duplicates. */
export const deliverEvent = async (state: State, task: Task): Promise<void> => {
  const { callbackUrl: url, plan } = task;
  if (url === undefined || plan.dropDelivery) return;
  const body = createBody(task, plan.transformEvent);
  const create = (kind: DeliveryKind): EventCopy => createCopy(task, kind, body, url);
  const main = create('main');
  const parallel = Array.from({ length: plan.parallelCopies - 1 }, () => create('parallel'));

  const deliverMain = async (): Promise<void> => {
    if (!(await deliverWithRetries(state, main))) return;
    for (let sent = 0; sent < plan.duplicates; sent++) {
      await attemptDelivery(state, create('duplicate'));
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
