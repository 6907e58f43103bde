// The body of a delivery, before faults of its transmission.
import { driftEvent } from './drift-event.ts';
import type { FinalStatus } from './novita-types.ts';
import type { Plan } from './plan.ts';
import { createTaskEvent } from './task-result.ts';
import type { Task } from './task.ts';

/** Body to send, or the error that `transformEvent` caused. */
export type EventBody = string | Uint8Array | Error;

const encode = (value: unknown): string | Uint8Array => {
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  if (value === undefined) return '';
  const json: unknown = JSON.stringify(value);
  if (typeof json === 'string') return json;
  throw new TypeError(`transformEvent returned a ${typeof value}, which JSON cannot hold`);
};

/** Creates the body of a task's event. */
export const createBody = (
  { event, faults }: Task,
  transformEvent: Plan['transformEvent'],
): EventBody => {
  const sent = event && faults.includes('drift') ? driftEvent(event) : event;
  try {
    return encode(transformEvent && sent ? transformEvent(structuredClone(sent)) : sent);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
};

/** Creates the body of an event with the opposite status. The Task Result API keeps the first one. */
export const createFlippedBody = (task: Task, sign: (path: string) => string): EventBody => {
  const isFailed = task.status === 'TASK_STATUS_FAILED';
  const status: FinalStatus = isFailed ? 'TASK_STATUS_SUCCEED' : 'TASK_STATUS_FAILED';
  const plan = { ...task.plan, status, reason: isFailed ? '' : 'model load failed' };
  const flipped: Task = { ...task, status, plan };
  return encode(createTaskEvent(flipped, sign, task.finishedAt ?? task.submittedAt));
};
