import * as z from 'zod';

import { readPayload, statusOf, taskTypeOf } from '../../events/envelope.ts';
import { parseTaskResult } from '../../events/task-result-schema.ts';
import { parseArgument, strictOptions } from '../../shared/check-options.ts';
import { WebhookError } from '../../shared/errors.ts';
import { isObject, parseJson, type JsonObject } from '../../shared/json.ts';
import { readOr } from '../../shared/read-or.ts';
import { redactPayload } from '../../shared/redact.ts';
import { isNamed } from '../handler-name.ts';
import type { Entry, EntryKey, ReplayOptions, StoreReplayOptions } from '../ports.ts';

const isBody = (value: unknown) => typeof value === 'string' || isObject(value);

/** See `ReplayHandlers`. */
export const replayHandlersShape: {
  readonly handlers: z.ZodOptional<z.ZodArray<z.ZodString>>;
} = {
  handlers: z.array(z.string().min(1)).min(1, 'must name at least one handler').optional(),
};

const schema = strictOptions({
  ...replayHandlersShape,
  body: z.custom<string | JsonObject>(isBody, 'must be an object or JSON text').optional(),
});

/**
 * Checks how an entry is to be replayed. A corrected body must be a result of the same task that fits
 * the schema.
 *
 * @throws WebhookError `invalid_argument`
 */
export function checkReplayOptions(
  { taskId }: EntryKey,
  options: ReplayOptions = {},
): StoreReplayOptions {
  const { handlers, body } = parseArgument('inbox.replay', schema, options);
  return {
    ...(handlers !== undefined && { handlers }),
    ...(body !== undefined && { body: toBody(taskId, body) }),
  };
}

/**
 * Adds the names that entries have for the handlers that a replay names as people read them. Stores
 * compare names as they are, and so let a named handler that has succeeded run again.
 */
export function withStoredNames(
  handlers: readonly string[],
  entries: readonly Entry[],
): readonly string[] {
  const succeeded = entries.flatMap(({ succeededHandlers }) => succeededHandlers);
  return [...new Set([...handlers, ...succeeded.filter((name) => isNamed(handlers, name))])];
}

function toBody(
  taskId: string,
  body: string | JsonObject,
): NonNullable<StoreReplayOptions['body']> {
  const payload = parse(body);
  if (typeof payload['event_type'] === 'string') throw invalid('it is the whole event');
  const incoming = readOr(() => readPayload(payload), undefined);
  if (incoming?.event.taskId !== taskId) throw invalid(`task.task_id must be '${taskId}'`);
  if (incoming.kind !== 'result') throw invalid('task.status must be a final one');
  const { value, text } = redactPayload(payload);
  const { schemaError } = parseTaskResult(value, 0);
  if (schemaError !== null) throw invalid(`it does not fit the schema: ${schemaError}`);
  return { body: text, status: statusOf(incoming.event), taskType: taskTypeOf(value) };
}

function parse(body: string | JsonObject): JsonObject {
  try {
    return parseJson(typeof body === 'string' ? body : { parsed: body });
  } catch (cause) {
    throw new WebhookError('invalid_argument', 'inbox.replay: body: must be one JSON object', {
      cause,
    });
  }
}

function invalid(fault: string): WebhookError {
  const message = `inbox.replay: body: ${fault}. Pass the payload of the event, without its envelope.`;
  return new WebhookError('invalid_argument', message);
}
