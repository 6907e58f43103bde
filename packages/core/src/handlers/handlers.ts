import { z } from 'zod';

import { WebhookError } from '../shared/errors.ts';
import type { OtherEvent } from '../events/envelope.ts';
import type { JsonObject } from '../shared/json.ts';
import type { Logger } from '../shared/logger.ts';
import { isTerminal, MEDIA, type Media, type TaskResult } from '../events/task-result.ts';

/** What a handler knows of the event besides the result. */
export interface HandlerContext<Tx = unknown> {
  readonly taskId: string;
  /** Which attempt this is; the first is 1. */
  readonly attempt: number;
  /** How many there will be at the most. */
  readonly maxAttempts: number;
  /**
   * Aborted when the handler's time is up, the lease is lost or the receiver closes. Pass it on to
   * what you wait for: a handler that goes on regardless may find itself running twice.
   */
  readonly signal: AbortSignal;
  readonly receivedAt: Date;
  /** What `receiver.createCallback({ metadata })` was given for this task. Signed, so nobody forged it. */
  readonly metadata: JsonObject;
  /** Whether Novita only simulated the task. */
  readonly testMode: boolean;
  /** The receiver's logger, with the task id on every line. */
  readonly log: Logger;
  /**
   * Writes to the inbox's own database, exactly once: what `work` writes and the record that this
   * handler has succeeded commit together, or neither does. From then on the handler counts as
   * succeeded, whatever becomes of it afterwards; what it throws is logged, and not retried. When
   * `work` throws nothing is kept, and its error is passed on.
   *
   * To be called once in a run, with everything in it, and while the handler runs.
   *
   * @param work with SQLite it has to be synchronous
   * @throws WebhookError `not_transactional` where the inbox has no transactions, in
   * `receiver.process()` and in `onTaskProgress`; `invalid_argument` when called again; `lease_lost`
   * when somebody else has the entry, or the handler has ended; when `signal` is aborted, its reason
   * @example
   * receiver.onTaskSucceeded(({ task }, context) =>
   *   context.transaction((tx) => tx.prepare('insert into paid values (?)').run(task.task_id)),
   * );
   */
  transaction<T>(work: (tx: Tx) => T | Promise<T>): Promise<T>;
}

/** Handles a result. It has handled it when its promise resolves; what it throws is retried. */
export type TaskHandler<Tx = unknown> = (
  result: TaskResult,
  context: HandlerContext<Tx>,
) => unknown;
/** Hears of an event that is not a result. */
export type OtherEventHandler = (event: OtherEvent, context: { readonly log: Logger }) => unknown;
/** Hears of an entry that was given up. */
export type DeadLetterHandler = (letter: DeadLetter, context: { readonly log: Logger }) => unknown;

/** An entry that will not be attempted again by itself. */
export interface DeadLetter {
  readonly taskId: string;
  /** Why the last attempt failed. */
  readonly reason: string;
  readonly attempts: number;
  readonly receivedAt: Date;
  readonly metadata: JsonObject;
  readonly testMode: boolean;
  /** The payload as JSON text, as Novita sent it but for the token. */
  readonly body: string;
}

/** Which results a handler is for. Conditions add up; a list means any of its members. */
export interface TaskFilter {
  /** Result has at least one file of this medium. Failed tasks have none. */
  readonly media?: Media | readonly Media[] | undefined;
  readonly taskType?: string | readonly string[] | undefined;
  /**
   * The name under which the handler's success is remembered across retries and restarts. Default:
   * its place in the order of registration. Give one to handlers that you may reorder.
   */
  readonly handlerName?: string | undefined;
}

type TaskEvent = 'succeeded' | 'failed' | 'finished' | 'progress';

export interface RegisteredHandler {
  readonly name: string;
  readonly event: TaskEvent;
  readonly filter: TaskFilter;
  readonly handle: TaskHandler;
}

/** The handlers of a receiver. */
export interface Handlers {
  addTask(event: TaskEvent, args: readonly unknown[]): void;
  addOther(handler: unknown): void;
  addDeadLetter(handler: unknown): void;
  /** Those for this result, in the order of registration. */
  matching(result: TaskResult): readonly RegisteredHandler[];
  /** Whether there is any handler for results that end a task. */
  handlesResults(): boolean;
  readonly other: readonly OtherEventHandler[];
  readonly deadLetter: readonly DeadLetterHandler[];
}

export function createHandlers(): Handlers {
  const tasks: RegisteredHandler[] = [];
  const other: OtherEventHandler[] = [];
  const deadLetter: DeadLetterHandler[] = [];
  return {
    other,
    deadLetter,
    addTask(event, args) {
      const [filter, handle] = args.length > 1 ? [requireFilter(args[0]), args[1]] : [{}, args[0]];
      const name = nameOf(tasks, event, filter);
      tasks.push({ name, event, filter, handle: requireFunction(handle) });
    },
    addOther: (handler) => void other.push(requireFunction(handler)),
    addDeadLetter: (handler) => void deadLetter.push(requireFunction(handler)),
    matching: (result) => tasks.filter((handler) => matches(handler, result)),
    handlesResults: () => tasks.some(({ event }) => event !== 'progress'),
  };
}

function matches({ event, filter }: RegisteredHandler, result: TaskResult): boolean {
  return (
    eventsOf(result).includes(event) &&
    isAny(filter.taskType, (type) => type === result.task.task_type) &&
    isAny(filter.media, (media) => result[media].length > 0)
  );
}

function eventsOf({ task }: TaskResult): readonly TaskEvent[] {
  if (!isTerminal(task.status)) return ['progress'];
  return [task.status === 'TASK_STATUS_SUCCEED' ? 'succeeded' : 'failed', 'finished'];
}

function isAny<T extends string>(
  wanted: T | readonly T[] | undefined,
  test: (value: T) => boolean,
): boolean {
  if (wanted === undefined) return true;
  return typeof wanted === 'string' ? test(wanted) : wanted.some(test);
}

/** Not the function's own name by default: a minifier may give that to another one tomorrow. */
function nameOf(tasks: readonly RegisteredHandler[], event: TaskEvent, filter: TaskFilter): string {
  const place = tasks.filter((other) => other.event === event).length + 1;
  const name = filter.handlerName ?? `${event}#${place}`;
  if (tasks.some((other) => other.name === name)) {
    throw new WebhookError('invalid_argument', `there is a handler named ${name} already`);
  }
  return name;
}

function requireFunction(value: unknown): (...args: unknown[]) => unknown {
  if (isFunction(value)) return value;
  throw new WebhookError('invalid_argument', `a handler must be a function, not ${typeof value}`);
}

function isFunction(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === 'function';
}

const oneOrMore = <T extends z.ZodType>(item: T) =>
  z.union([item, z.array(item).min(1)]).optional();

/** Inboxes keep it as text: no control characters, and no half of a surrogate pair. */
const NAME = /^[^\p{Cc}\p{Cs}]{1,200}$/u;

const filterSchema = z.strictObject({
  media: oneOrMore(z.enum(MEDIA)),
  taskType: oneOrMore(z.string()),
  handlerName: z
    .string()
    .regex(NAME, 'must be 1 to 200 characters, none of them a control character')
    .optional(),
});

function requireFilter(value: unknown): TaskFilter {
  const parsed = filterSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0] ?? { path: [], message: '' };
  const where = ['filter', ...path.map(String)].join('.');
  const help =
    'a filter has media (images, videos, audios), taskType and handlerName; the handler comes second';
  throw new WebhookError('invalid_argument', `${where}: ${message} (${help})`);
}
