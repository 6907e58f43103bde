import type {
  DeadLetterHandler,
  Handlers,
  OtherEventHandler,
  TaskFilter,
  TaskHandler,
} from './handlers.ts';

/** Registers a handler, for all results or for those that match a filter. */
export interface OnTask<Tx = unknown> {
  /** @throws WebhookError `invalid_argument` */
  (handler: TaskHandler<Tx>): void;
  (filter: TaskFilter, handler: TaskHandler<Tx>): void;
}

/** Registers handlers. Several handlers for one event run in the order of registration. */
export interface Registration<Tx = unknown> {
  readonly onTaskSucceeded: OnTask<Tx>;
  readonly onTaskFailed: OnTask<Tx>;
  /** Runs for succeeded and for failed tasks. */
  readonly onTaskFinished: OnTask<Tx>;
  /** Runs for non-terminal statuses. Best effort: not stored, not retried, not deduplicated. */
  readonly onTaskProgress: OnTask<Tx>;
  /** Runs for events that are not a task's result. Best effort, as above. */
  onOtherEvent(handler: OtherEventHandler): void;
  /** Runs when an entry becomes a dead letter. Best effort; the entry stays in the inbox. */
  onDeadLetter(handler: DeadLetterHandler): void;
}

/** Handlers as options of `createReceiver`. */
export interface HandlerOptions<Tx = unknown> {
  readonly onTaskSucceeded?: TaskHandler<Tx> | undefined;
  readonly onTaskFailed?: TaskHandler<Tx> | undefined;
  readonly onTaskFinished?: TaskHandler<Tx> | undefined;
  readonly onTaskProgress?: TaskHandler<Tx> | undefined;
  readonly onOtherEvent?: OtherEventHandler | undefined;
  readonly onDeadLetter?: DeadLetterHandler | undefined;
}

/** @param onRegistered called after each registration of a handler */
export function createRegistration(
  handlers: Handlers,
  onRegistered: () => void,
  options: HandlerOptions,
): Registration {
  const on =
    (event: Parameters<Handlers['addTask']>[0]): OnTask =>
    (...args: unknown[]) => {
      handlers.addTask(event, args);
      onRegistered();
    };
  const registration: Registration = {
    onTaskSucceeded: on('succeeded'),
    onTaskFailed: on('failed'),
    onTaskFinished: on('finished'),
    onTaskProgress: on('progress'),
    onOtherEvent(handler) {
      handlers.addOther(handler);
      onRegistered();
    },
    onDeadLetter(handler) {
      handlers.addDeadLetter(handler);
      onRegistered();
    },
  };
  if (options.onTaskSucceeded) registration.onTaskSucceeded(options.onTaskSucceeded);
  if (options.onTaskFailed) registration.onTaskFailed(options.onTaskFailed);
  if (options.onTaskFinished) registration.onTaskFinished(options.onTaskFinished);
  if (options.onTaskProgress) registration.onTaskProgress(options.onTaskProgress);
  if (options.onOtherEvent) registration.onOtherEvent(options.onOtherEvent);
  if (options.onDeadLetter) registration.onDeadLetter(options.onDeadLetter);
  return registration;
}
