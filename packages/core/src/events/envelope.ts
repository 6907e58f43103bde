import { WebhookError } from '../shared/errors.ts';
import { isObject, type JsonObject } from '../shared/json.ts';
import { isPrintable } from '../shared/printable.ts';
import { TOKEN_PATTERN } from '../shared/token-pattern.ts';
import { isProgress } from './task-result.ts';

/** An event that is not a task's result. Novita documents no such event yet. */
export interface OtherEvent {
  readonly event_type: string;
  readonly payload: unknown;
}

/** An event by its kind. */
export type IncomingEvent = { readonly kind: 'other'; readonly event: OtherEvent } | TaskEvent;

/** What a payload says of its task. */
interface TaskEvent {
  readonly kind: 'progress' | 'result';
  readonly event: ResultEvent;
}

/** An `ASYNC_TASK_RESULT` with a usable task id. The rest of its payload is not checked yet. */
export interface ResultEvent {
  readonly taskId: string;
  /** As Novita wrote it; `''` if it is not text. */
  readonly status: string;
  /** Whether Novita was asked to simulate the task (`extra.webhook.test_mode`). */
  readonly testMode: boolean;
  readonly payload: JsonObject;
}

/**
 * Reads the event type, the idempotency key and the status from the envelope. The schema is checked
 * later, because an event with a schema error is stored as well.
 *
 * @throws WebhookError `missing_event_type`, `missing_task_id`
 */
export function readEvent(envelope: JsonObject): IncomingEvent {
  const { event_type: type, payload } = envelope;
  if (typeof type !== 'string' || type === '') {
    throw new WebhookError('missing_event_type', 'the event has no event_type');
  }
  if (type !== 'ASYNC_TASK_RESULT') return { kind: 'other', event: { event_type: type, payload } };
  return readPayload(payload);
}

/**
 * Reads the payload of an `ASYNC_TASK_RESULT`. The Task Result API answers with such a payload too.
 *
 * @throws WebhookError `missing_task_id`
 */
export function readPayload(payload: unknown): TaskEvent {
  if (!isObject(payload)) throw missingTaskId();
  const task = isObject(payload['task']) ? payload['task'] : {};
  const { status } = task;
  const event: ResultEvent = {
    taskId: readTaskId(task['task_id']),
    status: typeof status === 'string' ? status : '',
    testMode: readTestMode(payload),
    payload,
  };
  return { kind: isProgress(status) ? 'progress' : 'result', event };
}

/** Characters, so that an id fits into any index. */
const USABLE_LENGTH = /^.{1,256}$/u;

/** Whether a text can be the task id of an entry: short, printable, and without a token. */
export function isTaskId(text: string): boolean {
  return isPrintable(text) && USABLE_LENGTH.test(text) && text.search(TOKEN_PATTERN) === -1;
}

/** Begins the key of entries that record submit calls, which no sender may take the place of. */
export const SUBMISSION_PREFIX = 'submission:';

function readTaskId(value: unknown): string {
  const id = Number.isSafeInteger(value) ? String(value) : value;
  if (typeof id !== 'string' || !isTaskId(id)) throw missingTaskId();
  if (id.startsWith(SUBMISSION_PREFIX)) throw missingTaskId();
  return id;
}

function readTestMode(payload: JsonObject): boolean {
  const { extra } = payload;
  const webhook = isObject(extra) ? extra['webhook'] : undefined;
  const testMode = isObject(webhook) ? webhook['test_mode'] : undefined;
  return isObject(testMode) && testMode['enabled'] === true;
}

function missingTaskId(): WebhookError {
  return new WebhookError('missing_task_id', 'the event has no usable payload.task.task_id');
}

/** The status as entries keep it; `''` if it is no name, because it goes into logs and columns. */
export function statusOf({ status }: Pick<ResultEvent, 'status'>): string {
  return toName(status);
}

/** The type of the task as entries keep it; `''` if it is no name. */
export function taskTypeOf(payload: unknown): string {
  const task = isObject(payload) ? payload['task'] : undefined;
  return toName(isObject(task) ? task['task_type'] : undefined);
}

/** Novita's types have dots, such as `MINIMAX_SPEECH_2.6_HD`. */
const NAME = /^[\w.-]{1,64}$/;

function toName(value: unknown): string {
  return typeof value === 'string' && NAME.test(value) ? value : '';
}
