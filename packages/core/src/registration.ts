import type {
  DeadLetterHandler,
  Handlers,
  OtherEventHandler,
  TaskFilter,
  TaskHandler,
} from './handlers.ts';

/** Registers a handler, for all results or for those that a filter lets through. */
export interface OnTask {
  /** @throws WebhookError `invalid_argument` */
  (handler: TaskHandler): void;
  (filter: TaskFilter, handler: TaskHandler): void;
}

/** How handlers are registered. Several may be, also for one event; they run in this order. */
export interface Registration {
  readonly onTaskSucceeded: OnTask;
  readonly onTaskFailed: OnTask;
  /** Both of them. */
  readonly onTaskSettled: OnTask;
  /** Statuses before the end. Best effort: not kept, not repeated, not deduplicated. */
  readonly onTaskProgress: OnTask;
  /** Events that are not a task's result. Best effort, likewise. */
  onOtherEvent(handler: OtherEventHandler): void;
  /** An entry was given up. Best effort; the entry itself stays in the inbox. */
  onDeadLetter(handler: DeadLetterHandler): void;
}

/** The handlers that can be given as options. */
export interface HandlerOptions {
  readonly onTaskSucceeded?: TaskHandler | undefined;
  readonly onTaskFailed?: TaskHandler | undefined;
  readonly onTaskSettled?: TaskHandler | undefined;
  readonly onTaskProgress?: TaskHandler | undefined;
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
    onTaskSettled: on('settled'),
    onTaskProgress: on('progress'),
    onOtherEvent: handlers.addOther,
    onDeadLetter: handlers.addDeadLetter,
  };
  if (given.onTaskSucceeded) registration.onTaskSucceeded(given.onTaskSucceeded);
  if (given.onTaskFailed) registration.onTaskFailed(given.onTaskFailed);
  if (given.onTaskSettled) registration.onTaskSettled(given.onTaskSettled);
  if (given.onTaskProgress) registration.onTaskProgress(given.onTaskProgress);
  if (given.onOtherEvent) registration.onOtherEvent(given.onOtherEvent);
  if (given.onDeadLetter) registration.onDeadLetter(given.onDeadLetter);
  return registration;
}
