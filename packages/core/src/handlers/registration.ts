import type {
  DeadLetterHandler,
  Handlers,
  OtherEventHandler,
  TaskFilter,
  TaskHandler,
} from './handlers.ts';

/** Registers a handler, for all results or for those that a filter lets through. */
export interface OnTask<Tx = unknown> {
  /** @throws WebhookError `invalid_argument` */
  (handler: TaskHandler<Tx>): void;
  (filter: TaskFilter, handler: TaskHandler<Tx>): void;
}

/** How handlers are registered. Several may be, also for one event; they run in this order. */
export interface Registration<Tx = unknown> {
  readonly onTaskSucceeded: OnTask<Tx>;
  readonly onTaskFailed: OnTask<Tx>;
  /** Both of them. */
  readonly onTaskFinished: OnTask<Tx>;
  /** Statuses before the end. Best effort: not kept, not repeated, not deduplicated. */
  readonly onTaskProgress: OnTask<Tx>;
  /** Events that are not a task's result. Best effort, likewise. */
  onOtherEvent(handler: OtherEventHandler): void;
  /** An entry was given up. Best effort; the entry itself stays in the inbox. */
  onDeadLetter(handler: DeadLetterHandler): void;
}

/** The handlers that can be given as options. */
export interface HandlerOptions<Tx = unknown> {
  readonly onTaskSucceeded?: TaskHandler<Tx> | undefined;
  readonly onTaskFailed?: TaskHandler<Tx> | undefined;
  readonly onTaskFinished?: TaskHandler<Tx> | undefined;
  readonly onTaskProgress?: TaskHandler<Tx> | undefined;
  readonly onOtherEvent?: OtherEventHandler | undefined;
  readonly onDeadLetter?: DeadLetterHandler | undefined;
}

/** @param changed called after each registration of a handler for results */
export function createRegistration(
  handlers: Handlers,
  changed: () => void,
  given: HandlerOptions,
): Registration {
  const on =
    (event: Parameters<Handlers['addTask']>[0]): OnTask =>
    (...args: unknown[]) => {
      handlers.addTask(event, args);
      changed();
    };
  const registration: Registration = {
    onTaskSucceeded: on('succeeded'),
    onTaskFailed: on('failed'),
    onTaskFinished: on('finished'),
    onTaskProgress: on('progress'),
    onOtherEvent: handlers.addOther,
    onDeadLetter: handlers.addDeadLetter,
  };
  if (given.onTaskSucceeded) registration.onTaskSucceeded(given.onTaskSucceeded);
  if (given.onTaskFailed) registration.onTaskFailed(given.onTaskFailed);
  if (given.onTaskFinished) registration.onTaskFinished(given.onTaskFinished);
  if (given.onTaskProgress) registration.onTaskProgress(given.onTaskProgress);
  if (given.onOtherEvent) registration.onOtherEvent(given.onOtherEvent);
  if (given.onDeadLetter) registration.onDeadLetter(given.onDeadLetter);
  return registration;
}
