// A task in a few words, for a line of the list.
import type { Delivery, TaskStatus } from '@novita-webhooks/simulator';
import { describeDelivery, type Colour, type RetryPlan } from '@novita-webhooks/simulator/cli';

import { printable, toDurationText } from '../terminal/printable.ts';
import type { TaskRow } from './task-watch.ts';

/** A text of the screen and its colour. It has no control characters. */
interface Cell {
  readonly text: string;
  readonly colour?: Colour | undefined;
}

export const STATUS_TEXTS: Readonly<Record<TaskStatus, string>> = {
  TASK_STATUS_QUEUED: 'queued',
  TASK_STATUS_PROCESSING: 'processing',
  TASK_STATUS_SUCCEED: 'succeeded',
  TASK_STATUS_FAILED: 'failed',
};

const EVENT_COLOURS: Readonly<Partial<Record<string, Colour>>> = {
  retrying: 'yellow',
  acknowledged: 'green',
  unacknowledged: 'red',
  dropped: 'red',
};

/** `queued`, `42 %`, `succeeded` */
export const describeStatus = ({ task: { status, progressPercent } }: TaskRow): Cell => {
  if (status === 'TASK_STATUS_PROCESSING') return { text: `${progressPercent} %` };
  const colour = status === 'TASK_STATUS_FAILED' ? 'red' : undefined;
  return { text: STATUS_TEXTS[status], colour };
};

export const describeEvent = ({ task: { eventState } }: TaskRow): Cell => ({
  text: eventState === 'none' ? '-' : eventState,
  colour: EVENT_COLOURS[eventState],
});

const isAttempt = ({ kind }: Delivery): boolean => kind === 'main' || kind === 'redelivery';

/** `2 of 6`; `copy 3` for a copy, which is not retried. */
export const describeAttempt = ({ last }: TaskRow, { delaysMs }: RetryPlan): string => {
  if (last === undefined) return '';
  return isAttempt(last) ? `${last.attempt} of ${delaysMs.length + 1}` : `copy ${last.copy}`;
};

/** The code of a system error, such as ECONNREFUSED, says what a long message says. */
const shorten = ({ answer }: Delivery, text: string): string =>
  'error' in answer ? (/\bE[A-Z]{4,}\b/.exec(answer.message)?.[0] ?? answer.error) : text;

/** `200 accepted`, `ECONNREFUSED`, `400 invalid_body (truncate)` */
export const describeAnswer = ({ last }: TaskRow, retries: RetryPlan): Cell => {
  if (last === undefined) return { text: '' };
  const { acknowledged, answer } = describeDelivery(last, retries);
  const faults = last.faults.length === 0 ? '' : ` (${last.faults.join(', ')})`;
  const text = printable(shorten(last, answer)) + faults;
  return { text, colour: acknowledged ? 'green' : 'red' };
};

/** `38 ms` */
export const describeTime = ({ last }: TaskRow): string =>
  last === undefined ? '' : toDurationText(last.durationMs);

/** `3 s`, `10 min` until the next attempt; empty if none is due. */
export const describeNext = ({ task: { nextAttemptAt } }: TaskRow, now: number): string => {
  if (nextAttemptAt === undefined) return '';
  const seconds = Math.max(Math.ceil((nextAttemptAt - now) / 1000), 0);
  return seconds < 100 ? `${seconds} s` : toDurationText(seconds * 1000);
};
