import * as z from 'zod';

import { strictOptions, validate } from '../shared/check-options.ts';
import { WebhookError } from '../shared/errors.ts';
import type { OtherEvent } from '../events/envelope.ts';
import type { JsonObject } from '../shared/json.ts';
import type { Logger } from '../shared/logger.ts';
import { isTerminal, MEDIA, type Media, type TaskResult } from '../events/task-result.ts';
import { isGeneratorFunction } from './is-generator-function.ts';
import { isLastRepeated } from './repeated-handler.ts';
import type { DeadLetterCode } from '../inbox/ports.ts';
import { defaultName, labelOf } from '../inbox/handler-name.ts';

/** What a handler gets beside the result. */
export interface HandlerContext<Metadata extends object = JsonObject, Tx = unknown> {
  readonly taskId: string;
  /** Number of this attempt; the first is 1. */
  readonly attempt: number;
  /** Attempts after which the entry becomes a dead letter. */
  readonly maxAttempts: number;
  /**
   * Aborted when the handler's timeout is over, the lease is lost or the receiver closes. Pass it to
   * everything that you await: a handler that ignores it may run beside another attempt.
   */
  readonly signal: AbortSignal;
  readonly receivedAt: Date;
  /**
   * The metadata of `receiver.createCallback({ metadata })`, as the schema of the receiver returns it.
   * Signed, so a sender cannot forge it.
   */
  readonly metadata: Metadata;
  /** Whether Novita simulated the task (test mode). */
  readonly testMode: boolean;
  /** The receiver's logger with the task id in every line. */
  readonly log: Logger;
  /**
   * Writes to the inbox's own database exactly once: the writes of `work` and the record that this
   * handler has succeeded commit together, or neither does. After the commit the handler counts as
   * succeeded. An error that it throws later is logged and not retried. If `work` throws, nothing is
   * kept, and the promise rejects with its error.
   *
   * Call it once in a run of the handler, while the handler runs, with all writes inside. Set
   * `handlerName`: without it a release may make the handler run again.
   *
   * @param work must be synchronous with SQLite
   * @throws WebhookError `not_transactional` if the inbox has no transactions, and in
   * `processEntry()`, `processUnverified()` and `onTaskProgress`; `invalid_argument` on a second call;
   * `lease_lost` if another worker has the entry or the handler has ended; the reason of `signal` if
   * it is aborted
   * @example
   * receiver.onTaskSucceeded(({ task }, context) =>
   *   context.transaction((tx) => tx.prepare('insert into paid values (?)').run(task.task_id)),
   * );
   */
  transaction<T>(work: (tx: Tx) => T | Promise<T>): Promise<T>;
}

/** Handles a result. It has succeeded when its promise resolves. If it throws, it is retried. */
export type TaskHandler<Metadata extends object = JsonObject, Tx = unknown> = (
  result: TaskResult,
  context: HandlerContext<Metadata, Tx>,
) => unknown;
/** Gets an event that is not a result. */
export type OtherEventHandler = (event: OtherEvent, context: { readonly log: Logger }) => unknown;
/** Gets an entry that became a dead letter. */
export type DeadLetterHandler = (letter: DeadLetter, context: { readonly log: Logger }) => unknown;

/** An entry that is not attempted again unless it is replayed. */
export interface DeadLetter {
  readonly taskId: string;
  /** Why, for programs: `unconfirmed` may be a forged event, and `missing` had no event. */
  readonly code: DeadLetterCode;
  /** Why the last attempt failed, for people. */
  readonly reason: string;
  readonly attempts: number;
  readonly receivedAt: Date;
  /** As it was stored: it may not fit the schema of the receiver. */
  readonly metadata: JsonObject;
  readonly testMode: boolean;
  /** The payload as JSON text, as Novita sent it, without the token. */
  readonly body: string;
}

/** Which results a handler gets. All conditions must hold; a list means any of its members. */
export interface TaskFilter {
  /** The result has at least one file of this medium. Failed tasks have none. */
  readonly media?: Media | readonly Media[] | undefined;
  readonly taskType?: string | readonly string[] | undefined;
  /**
   * The name under which the inbox records the handler's success, across retries and restarts.
   * The default changes when a release adds, removes, reorders or edits handlers without a name, and
   * they run again for entries that wait for a retry. A name keeps their successes.
   */
  readonly handlerName?: string | undefined;
}

type TaskEvent = 'succeeded' | 'failed' | 'finished' | 'progress';

export interface RegisteredHandler {
  /** As the inbox records it. */
  readonly name: string;
  /** As log lines show it. */
  readonly label: string;
  /** Number in the order of registration. */
  readonly id: number;
  readonly event: TaskEvent;
  readonly filter: TaskFilter;
  readonly handle: TaskHandler;
}

type NamelessHandler = Omit<RegisteredHandler, 'name' | 'label'>;

/** How many handlers are registered for each event. */
export type HandlerCounts = Readonly<Record<TaskEvent | 'other' | 'deadLetter', number>>;

/** The handlers of a receiver. */
export interface Handlers {
  addTask(event: TaskEvent, args: readonly unknown[]): void;
  addOther(handler: unknown): void;
  addDeadLetter(handler: unknown): void;
  /** The handlers for this result, in the order of registration. */
  matching(result: TaskResult): readonly RegisteredHandler[];
  /** Whether a handler for terminal results is registered. */
  handlesResults(): boolean;
  /** Whether the last registration makes a function run twice for one event. */
  isRepeated(): boolean;
  counts(): HandlerCounts;
  readonly other: readonly OtherEventHandler[];
  readonly deadLetter: readonly DeadLetterHandler[];
}

export function createHandlers(): Handlers {
  const tasks: NamelessHandler[] = [];
  /** Names depend on all handlers, so they are made when the next event needs them. */
  let named: readonly RegisteredHandler[] | undefined;
  const other: OtherEventHandler[] = [];
  const deadLetter: DeadLetterHandler[] = [];
  let isRepeated = false;

  function add<T>(list: T[], handler: T): void {
    isRepeated = list.includes(handler);
    list.push(handler);
  }

  return {
    other,
    deadLetter,
    addTask(event, args) {
      const [filter, handle] = args.length > 1 ? [requireFilter(args[0]), args[1]] : [{}, args[0]];
      requireUniqueName(tasks, filter);
      tasks.push({ id: tasks.length, event, filter, handle: requireFunction(handle) });
      isRepeated = isLastRepeated(tasks);
      named = undefined;
    },
    addOther: (handler) => add(other, requireFunction(handler)),
    addDeadLetter: (handler) => add(deadLetter, requireFunction(handler)),
    matching: (result) => (named ??= toNamed(tasks)).filter((handler) => matches(handler, result)),
    counts() {
      const of = (wanted: TaskEvent) => tasks.filter(({ event }) => event === wanted).length;
      const results = {
        succeeded: of('succeeded'),
        failed: of('failed'),
        finished: of('finished'),
      };
      const rest = { progress: of('progress'), other: other.length, deadLetter: deadLetter.length };
      return { ...results, ...rest };
    },
    isRepeated: () => isRepeated,
    handlesResults: () => tasks.some(({ event }) => event !== 'progress'),
  };
}

function toNamed(tasks: readonly NamelessHandler[]): readonly RegisteredHandler[] {
  const unnamed = tasks.filter(({ filter }) => filter.handlerName === undefined);
  return tasks.map((handler) => ({
    ...handler,
    name: handler.filter.handlerName ?? defaultName(handler, unnamed),
    label: handler.filter.handlerName ?? labelOf(handler, tasks),
  }));
}

function matches({ event, filter }: NamelessHandler, result: TaskResult): boolean {
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

function requireUniqueName(
  tasks: readonly NamelessHandler[],
  { handlerName: name }: TaskFilter,
): void {
  if (name === undefined || tasks.every(({ filter }) => filter.handlerName !== name)) return;
  throw new WebhookError(
    'invalid_argument',
    `handlers: a handler named ${name} is registered already. Choose another handlerName.`,
  );
}

function requireFunction(value: unknown): (...args: unknown[]) => unknown {
  if (isFunction(value) && !isGeneratorFunction(value)) return value;
  throw new WebhookError(
    'invalid_argument',
    `handlers: a handler must be a function, not ${isFunction(value) ? 'a generator' : typeof value}. Pass the function itself, not the result of its call.`,
  );
}

function isFunction(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === 'function';
}

const oneOrMore = <T extends z.ZodType>(item: T, description: string) =>
  z.union([item, z.array(item).min(1)], `must be ${description}, or a list of such`).optional();

/** Inboxes store it as text: no control characters, no lone surrogates. */
const NAME = /^[^\p{Cc}\p{Cs}]{1,200}$/u;

const filterSchema = strictOptions({
  media: oneOrMore(z.enum(MEDIA), MEDIA.map((one) => `'${one}'`).join(' or ')),
  taskType: oneOrMore(z.string(), 'a text'),
  handlerName: z
    .string()
    .regex(NAME, 'must be 1 to 200 characters, none of them a control character')
    .optional(),
});

function requireFilter(value: unknown): TaskFilter {
  const checked = validate(filterSchema, value, ['filter']);
  if ('value' in checked) return checked.value;
  const help = 'Pass a filter and then the handler.';
  throw new WebhookError('invalid_argument', `handlers: ${checked.fault}. ${help}`);
}
