// What an attempt works with.
import type { TaskResult } from '../events/task-result.ts';
import type { NewEntry, PartialReplay } from '../inbox/ports.ts';
import type { RetryDelay } from '../shared/backoff.ts';
import type { Clock } from '../shared/clock.ts';
import type { JsonObject } from '../shared/json.ts';
import type { Logger } from '../shared/logger.ts';
import type { StandardSchema } from '../shared/standard-schema.ts';
import type { LoggedEntry } from './attempt-log.ts';
import type { HandledResult } from './handled-result.ts';
import type { Handlers, RegisteredHandler } from './handlers.ts';
import type { ResultSource } from './result-source.ts';
import type { StuckHandlers } from './stuck-handlers.ts';
import type { WarnOnce } from './warn-once.ts';

/** An entry as an attempt needs it. */
export interface AttemptEntry extends NewEntry, LoggedEntry {
  /** Number of this attempt; the first is 1. */
  readonly attempts: number;
  readonly succeededHandlers: readonly string[];
  /** Why an earlier attempt failed. */
  readonly reason?: string | null;
  /** See `Entry`. */
  readonly partialReplay?: PartialReplay | null;
  /** See `Entry`. */
  readonly originalBody?: string | null;
  /** See `Entry`. */
  readonly damage?: string;
}

export interface RunAttemptOptions {
  readonly handlers: Pick<Handlers, 'matching'>;
  readonly retry: { readonly maxAttempts: number; readonly delay: RetryDelay };
  readonly timeoutMs: number;
  readonly resultSource: Pick<ResultSource, 'resultOf'>;
  readonly testEvents: 'handle' | 'ignore';
  readonly stuck: StuckHandlers;
  readonly warnOnce: WarnOnce;
  readonly clock: Clock;
  readonly log: Logger;
  /** Passed to the handlers. */
  readonly handlerLog: Logger;
  readonly metadataSchema: StandardSchema<unknown, JsonObject> | undefined;
}

/** The handlers that an attempt has to run, and on what. */
export interface SelectedWork {
  readonly entry: AttemptEntry;
  readonly source: HandledResult;
  readonly result: TaskResult;
  readonly matching: readonly RegisteredHandler[];
  readonly remaining: readonly RegisteredHandler[];
}
