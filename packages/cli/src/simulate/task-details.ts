// Everything about one task, as lines.
import type { Delivery, SimulatedTask } from '@novita-webhooks/simulator';
import { describeDelivery } from '@novita-webhooks/simulator/cli';

import { printable, toTimeText, toNumberOf } from '../terminal/printable.ts';
import { describeEvent, describeNext, STATUS_TEXTS } from './describe-row.ts';
import { line, type Line } from './line.ts';
import { listLinks } from './result-links.ts';
import type { RowContext } from './task-table.ts';
import type { TaskRow } from './task-watch.ts';
import { wrap } from './text-width.ts';

/** A task and all its deliveries. */
export interface TaskDetails extends TaskRow {
  readonly deliveries: readonly Delivery[];
}

const INDENT = '  ';
const HANGING_INDENT = '    ';
const LABEL_WIDTH = 11;
const MAX_DELIVERIES = 100;

const field = (label: string, text: string): string =>
  `${INDENT}${label.padEnd(LABEL_WIDTH)}${printable(text)}`;

const list = (texts: readonly string[]): string => (texts.length === 0 ? 'none' : texts.join(', '));

const describeTestMode = ({ testMode }: SimulatedTask): string =>
  testMode === undefined ? 'off' : `on, ${testMode.return_task_status}`;

const describeEventState = (row: TaskRow, now: number): string => {
  const { callbackUrl, eventState } = row.task;
  if (callbackUrl === undefined) return 'none is sent, since there is no callback URL';
  if (eventState === 'none') return 'none is sent: this endpoint never sends a webhook';
  const next = describeNext(row, now);
  return describeEvent(row).text + (next === '' ? '' : `, next attempt in ${next}`);
};

/** A prompt may be confidential, and a screen may be shared. */
const describePrompt = ({ prompt }: SimulatedTask): string =>
  prompt === '' ? 'none' : `${toNumberOf(prompt.length, 'character')}, not shown`;

const describeProgress = ({ status, progressPercent, event }: SimulatedTask): string => {
  if (status === 'TASK_STATUS_PROCESSING') return `processing, ${progressPercent} %`;
  const { reason = '' } = event?.payload.task ?? {};
  return STATUS_TEXTS[status] + (reason === '' ? '' : `: ${reason}`);
};

const describeRequest = (row: TaskRow, now: number): string[] => {
  const { task } = row;
  const finished = task.finishedAt === undefined ? '' : `, finished ${toTimeText(task.finishedAt)}`;
  return [
    field('type', `${task.taskType} (${task.endpoint})`),
    field('status', describeProgress(task)),
    field('submitted', `${toTimeText(task.submittedAt)}${finished}`),
    field('callback', task.callbackUrl ?? 'none'),
    field('test mode', describeTestMode(task)),
    field('prompt', describePrompt(task)),
    field('faults', list(task.faults)),
    field('event', describeEventState(row, now)),
  ];
};

const toDeliveryLines = (delivery: Delivery, { retries }: RowContext): Line[] => {
  const { acknowledged, subject, answer, next, advice } = describeDelivery(delivery, retries);
  const time = toTimeText(delivery.startedAt).slice(11);
  const unnamed = delivery.faults.filter((fault) => !answer.includes(fault));
  const faults = unnamed.length === 0 ? '' : `, fault: ${list(unnamed)}`;
  const text = `${time} ${subject}: ${answer} (${delivery.durationMs} ms${faults}). ${next}`;
  return [
    line(INDENT + printable(text), acknowledged ? 'green' : 'red'),
    ...advice.map((it) => line(HANGING_INDENT + printable(it), 'yellow')),
  ];
};

const describeDeliveries = ({ deliveries }: TaskDetails, context: RowContext): Line[] => {
  const shown = deliveries.slice(-MAX_DELIVERIES);
  const hidden = deliveries.length - shown.length;
  return [
    ...(hidden === 0 ? [] : [line(`${INDENT}${hidden} earlier ones are not shown.`)]),
    ...shown.flatMap((delivery) => toDeliveryLines(delivery, context)),
  ];
};

/** The event as JSON, one line for each value, without the prompt, which it repeats. */
const describeEventJson = ({ event, prompt }: SimulatedTask): string[] => {
  if (event === undefined) return [];
  const hide = (value: unknown): unknown => {
    if (typeof value !== 'string' || prompt === '') return value;
    const escaped = JSON.stringify(prompt).slice(1, -1);
    return value.replaceAll(escaped, '[prompt]').replaceAll(prompt, '[prompt]');
  };
  const text = JSON.stringify(event, (_key, value) => hide(value), 2);
  return text.split('\n').map((it) => INDENT + printable(it));
};

const section = (title: string, lines: readonly Line[]): Line[] =>
  lines.length === 0 ? [] : [line(''), line(title, 'bold'), ...lines];

const toLines = (texts: readonly string[]): Line[] => texts.map((text) => line(text));

/** Wraps lines of one colour. */
export const wrapLines = (lines: readonly Line[], width: number): Line[] =>
  lines.flatMap(({ spans }) =>
    spans.flatMap(({ text, colour }) =>
      wrap(text, width, HANGING_INDENT).map((it) => line(it, colour)),
    ),
  );

/** Describes a task: its request, its deliveries with answers, its links and its event. */
export const describeTask = (details: TaskDetails, context: RowContext, width: number): Line[] => {
  const { task } = details;
  const links = listLinks(task.event).map((link) => INDENT + printable(link));
  const lines = [
    line(`Task ${task.id}`, 'bold'),
    ...toLines(describeRequest(details, context.now)),
    ...section('Deliveries', describeDeliveries(details, context)),
    ...section('Links', toLines(links)),
    ...section('Event, without tokens and prompt', toLines(describeEventJson(task))),
  ];
  return wrapLines(lines, width);
};
