// Checks what callers pass to `list`, `get`, `replay`, `discard` and `promote`.
import * as z from 'zod';

import { parseArgument, strictOptions } from '../shared/check-options.ts';
import { WebhookError } from '../shared/errors.ts';
import { isObject } from '../shared/json.ts';
import type { EntryKey, EntryQuery } from './ports.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/** An {@link EntryQuery} with defaults filled in and checked. */
export interface ResolvedEntryQuery extends Pick<EntryQuery, 'endpoint' | 'state'> {
  readonly limit: number;
  /** Only entries whose number in the order of arrival is lower. */
  readonly before: number;
}

const limitFault = `must be an integer from 1 to ${MAX_LIMIT}`;

/** A filter that is not listed is rejected. */
const schema = strictOptions({
  endpoint: z.string('must be a text').optional(),
  state: z
    .enum(['pending', 'running', 'done', 'dead'], 'must be pending, running, done or dead')
    .optional(),
  limit: z.int(limitFault).min(1, limitFault).max(MAX_LIMIT, limitFault).default(DEFAULT_LIMIT),
  cursor: z
    .string('must be a text')
    .regex(/^\d{1,15}$/, 'must be the cursor of an earlier page')
    .optional(),
} satisfies Record<keyof EntryQuery, z.ZodType>);

/**
 * Checks a query, for inboxes. A cursor is a number in the order of arrival, so pages do not shift
 * when entries are added.
 *
 * @throws WebhookError `invalid_argument`
 */
export function resolveEntryQuery(query: EntryQuery = {}): ResolvedEntryQuery {
  const { cursor, ...rest } = parseArgument('inbox.list', schema, query);
  return { ...rest, before: cursor === undefined ? Infinity : Number(cursor) };
}

/** @throws WebhookError `invalid_argument` unless `key` has an endpoint and a task id */
export function checkEntryKey(operation: string, key: EntryKey): void {
  const given: unknown = key;
  if (!isObject(given)) throw invalidKey(operation, 'the key', given);
  for (const name of ['endpoint', 'taskId'] as const) {
    if (typeof given[name] !== 'string') throw invalidKey(operation, name, given[name]);
  }
}

function invalidKey(operation: string, name: string, value: unknown): WebhookError {
  const fault = value === undefined ? 'missing' : `invalid (${typeof value})`;
  return new WebhookError(
    'invalid_argument',
    `inbox.${operation}: ${name} is ${fault}. Pass { endpoint, taskId }; the default endpoint is 'novita'.`,
  );
}
