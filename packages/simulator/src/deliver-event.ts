import { setTimeout as pause } from 'node:timers/promises';

import { isAcknowledged, type Delivery, type DeliveryAnswer } from './delivery.ts';
import type { DeliveryKind } from './delivery.ts';
import type { Plan } from './plan.ts';
import type { State } from './state.ts';
import type { Task } from './task.ts';

/** What goes out, or why there is nothing to send. */
export type DeliveryBody = string | Uint8Array | Error;

/** One copy of an event on its way to one address. */
interface Letter {
  readonly taskId: string;
  readonly url: string;
  readonly body: DeliveryBody;
  readonly kind: DeliveryKind;
  readonly copy: number;
}

const encode = (value: unknown): string | Uint8Array => {
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  if (value === undefined) return '';
  const json: unknown = JSON.stringify(value);
  if (typeof json === 'string') return json;
  throw new TypeError(`transformEvent made a ${typeof value}, which JSON cannot hold`);
};

/** Encodes what `transformEvent` makes of the event. Returns the error if it throws or JSON cannot hold its result. */
export const toBody = ({ event }: Task, transformEvent: Plan['transformEvent']): DeliveryBody => {
  try {
    return encode(transformEvent && event ? transformEvent(structuredClone(event)) : event);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
};

export const createLetter = (
  task: Task,
  kind: DeliveryKind,
  body: DeliveryBody,
  url: string,
): Letter => {
  task.copies += 1;
  return { taskId: task.id, url, body, kind, copy: task.copies };
};

const exchange = async (state: State, { url, body }: Letter): Promise<DeliveryAnswer> =>
  body instanceof Error
    ? { error: 'transform', message: body.message }
    : await state.exchange(url, body);

const report = (state: State, delivery: Delivery): void => {
  state.deliveries.push(delivery);
  try {
    state.options.onDelivery(delivery);
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error));
  }
};

/** One POST, as soon as a slot is free. Rejects only when the simulator was closed before that. */
export const post = (state: State, letter: Letter, attempt = 1): Promise<Delivery> =>
  state.limit(async () => {
    state.closing.signal.throwIfAborted();
    const { taskId, url, kind, copy } = letter;
    const startedAt = state.options.now();
    const began = performance.now();
    const answer = await exchange(state, letter);
    const durationMs = Math.round(performance.now() - began);
    const delivery = { taskId, url, kind, copy, attempt, startedAt, durationMs, answer };
    report(state, delivery);
    return delivery;
  });

/** Repeats a letter until it is acknowledged. Resolves to whether it was. */
const postUntilAcknowledged = async (state: State, letter: Letter): Promise<boolean> => {
  if (isAcknowledged(await post(state, letter))) return true;
  if (letter.body instanceof Error) return false;
  for (const [index, delayMs] of state.options.retryDelaysMs.entries()) {
    await pause(delayMs, undefined, { signal: state.closing.signal });
    if (isAcknowledged(await post(state, letter, index + 2))) return true;
  }
  return false;
};

/** Delivers the event of a task as its plan wants it: repeats, parallel copies, duplicates. */
export const deliverTask = async (state: State, task: Task): Promise<void> => {
  const { callbackUrl: url, plan } = task;
  if (url === undefined || plan.dropDelivery) return;
  const body = toBody(task, plan.transformEvent);
  const write = (kind: DeliveryKind): Letter => createLetter(task, kind, body, url);
  const main = write('main');
  const copies = Array.from({ length: plan.parallelCopies - 1 }, () => write('parallel'));

  const deliverMain = async (): Promise<void> => {
    if (!(await postUntilAcknowledged(state, main))) return;
    for (let sent = 0; sent < plan.duplicates; sent++) await post(state, write('duplicate'));
  };
  await Promise.all([deliverMain(), ...copies.map((copy) => post(state, copy))]);
};
