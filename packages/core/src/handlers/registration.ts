import type { JsonObject } from '../shared/json.ts';
import type {
  DeadLetterHandler,
  Handlers,
  OtherEventHandler,
  TaskFilter,
  TaskHandler,
} from './handlers.ts';

/** Registers a handler, for all results or for those that match a filter. */
export interface OnTask<Metadata extends object = JsonObject, Tx = unknown> {
  /** @throws WebhookError `invalid_argument` */
  (handler: TaskHandler<Metadata, Tx>): void;
  (filter: TaskFilter, handler: TaskHandler<Metadata, Tx>): void;
}

/** Registers handlers. Several handlers for one event run in the order of registration. */
export interface Registration<Metadata extends object = JsonObject, Tx = unknown> {
  readonly onTaskSucceeded: OnTask<Metadata, Tx>;
  readonly onTaskFailed: OnTask<Metadata, Tx>;
  /** Runs for succeeded and for failed tasks. */
  readonly onTaskFinished: OnTask<Metadata, Tx>;
  /** Runs for non-terminal statuses. Best effort: not stored, not retried, not deduplicated. */
  readonly onTaskProgress: OnTask<Metadata, Tx>;
  /** Runs for events that are not a task's result. Best effort, as above. */
  onOtherEvent(handler: OtherEventHandler): void;
  /** Runs when an entry becomes a dead letter. Best effort; the entry stays in the inbox. */
  onDeadLetter(handler: DeadLetterHandler): void;
}

/** Handlers as options of `createReceiver`. */
export interface HandlerOptions<Metadata extends object = JsonObject, Tx = unknown> {
  readonly onTaskSucceeded?: TaskHandler<Metadata, Tx> | undefined;
  readonly onTaskFailed?: TaskHandler<Metadata, Tx> | undefined;
  readonly onTaskFinished?: TaskHandler<Metadata, Tx> | undefined;
  readonly onTaskProgress?: TaskHandler<Metadata, Tx> | undefined;
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
