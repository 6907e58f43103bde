import type { TaskResult } from '../events/task-result.ts';
import type { NewEntry } from '../inbox/ports.ts';
import { WebhookError } from '../shared/errors.ts';
import type { JsonObject } from '../shared/json.ts';
import type { LazyAbort } from '../shared/lazy-abort.ts';
import { withFields, type Logger } from '../shared/logger.ts';
import { validateJson, type StandardSchema } from '../shared/standard-schema.ts';
import type { HandlerContext, TaskHandler } from './handlers.ts';

export interface CallHandlerOptions {
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly abort: LazyAbort;
  readonly log: Logger;
  readonly transaction: HandlerContext['transaction'];
  readonly metadataSchema: StandardSchema<unknown, JsonObject> | undefined;
}

/**
 * Calls a handler with a result and its context. With a schema, the metadata is validated first.
 *
 * @throws WebhookError `invalid_metadata`
 */
export function callHandler(
  handle: TaskHandler,
  result: TaskResult,
  entry: NewEntry,
  options: CallHandlerOptions,
): unknown {
  const { metadataSchema, abort } = options;
  if (metadataSchema === undefined) return handle(result, toContext(entry, options));
  return validateMetadata(entry, metadataSchema).then((metadata) => {
    abort.throwIfAborted(); // a schema may have waited
    return handle(result, toContext(entry, options, metadata));
  });
}

/** Each handler gets an output of its own, which it may change. */
async function validateMetadata(
  { metadata }: NewEntry,
  schema: StandardSchema<unknown, JsonObject>,
): Promise<JsonObject> {
  const validated = await validateJson(schema, 'metadata', metadata);
  if ('output' in validated) return validated.output;
  const message = `worker: the metadata does not fit the schema of the receiver: ${validated.fault}. Accept it in the schema, then replay the entry.`;
  throw new WebhookError('invalid_metadata', message);
}

/**
 * What few handlers read is made on first use. These are getters of the object itself, so that a copy
 * such as `{ ...context }` has them too.
 */
function toContext(
  entry: NewEntry,
  { attempt, maxAttempts, abort, log, transaction }: CallHandlerOptions,
  validated?: JsonObject,
): HandlerContext {
  let metadata = validated;
  let taskLog: Logger | undefined;
  return {
    taskId: entry.taskId,
    attempt,
    maxAttempts,
    get signal() {
      return abort.signal();
    },
    receivedAt: new Date(entry.receivedAt),
    get metadata() {
      return (metadata ??= structuredClone(entry.metadata));
    },
    testMode: entry.testMode,
    get log() {
      return (taskLog ??= withFields(log, { taskId: entry.taskId }));
    },
    transaction,
  };
}
