// Checks what callers pass to the operations on entries.
import * as z from 'zod';

import { parseArgument, strictOptions } from '../shared/check-options.ts';
import { WebhookError } from '../shared/errors.ts';
import { isObject } from '../shared/json.ts';
import { createEntryFilter, type ResolvedEntryFilter } from './entry-filter.ts';
import { toStoredStates, type StoredState } from './expectation.ts';
import type { Entry, EntryFilter, EntryKey, EntryQuery } from './ports.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

const text = z.string('must be a text').optional();
const flag = z.boolean('must be true or false').optional();
const time = z
  .union([z.date(), z.number()], 'must be a Date or milliseconds since 1970')
  .transform(Number)
  .optional();
const state = z.enum(
  ['expected', 'pending', 'running', 'done', 'dead'],
  'must be expected, pending, running, done or dead',
);
const metadataValue = z.union(
  [z.string(), z.number(), z.boolean(), z.null()],
  'must be a text, a number, true, false or null',
);

const filterShape = {
  endpoint: text,
  states: z.array(state, "must be a list such as ['dead']").optional(),
  taskType: text,
  status: text,
  reasonContains: text,
  errorGroup: text,
  metadata: z.record(z.string(), metadataValue, 'must be an object').optional(),
  receivedFrom: time,
  receivedTo: time,
  finishedFrom: time,
  finishedTo: time,
  schemaErrors: flag,
  testEvents: flag,
  taskIdContains: text,
} satisfies Record<keyof EntryFilter, z.ZodType>;
const filterSchema: z.ZodType<ResolvedEntryFilter> = strictOptions(filterShape);

const limitFault = `must be an integer from 1 to ${MAX_LIMIT}`;

/** A filter that is not listed is rejected. */
const querySchema = strictOptions({
  ...filterShape,
  order: z.enum(['newest', 'oldest'], 'must be newest or oldest').default('newest'),
  limit: z.int(limitFault).min(1, limitFault).max(MAX_LIMIT, limitFault).default(DEFAULT_LIMIT),
  cursor: z
    .string('must be a text')
    .regex(/^\d{1,15}$/, 'must be the cursor of an earlier page')
    .optional(),
  bodies: z.boolean('must be true or false').default(true),
} satisfies Record<keyof EntryQuery, z.ZodType>);

/** An {@link EntryQuery} with defaults filled in and checked. */
export interface ResolvedEntryQuery {
  readonly filter: ResolvedEntryFilter;
  /** The states that wanted entries have in a store; `undefined`: any. A store narrows its search by them. */
  readonly storedStates: readonly StoredState[] | undefined;
  readonly order: 'newest' | 'oldest';
  readonly limit: number;
  /** Only entries whose number in the order of arrival is lower. */
  readonly before: number;
  /** Only entries whose number in the order of arrival is higher. */
  readonly after: number;
  readonly bodies: boolean;
  /** Whether an entry matches every filter. */
  readonly matches: (entry: Entry) => boolean;
}

/**
 * Checks a query, for stores. A cursor is a number in the order of arrival, so pages do not shift when
 * entries are added.
 *
 * @throws WebhookError `invalid_argument`
 */
export function resolveEntryQuery(query: EntryQuery = {}): ResolvedEntryQuery {
  const parsed = parseArgument('inbox.list', querySchema, query);
  const { order, limit, cursor: from, bodies, ...filter } = parsed;
  return {
    ...{ filter, order, limit, bodies, matches: createEntryFilter(filter) },
    storedStates: filter.states && toStoredStates(filter.states),
    before: from === undefined || order === 'oldest' ? Number.MAX_SAFE_INTEGER : Number(from),
    after: from === undefined || order === 'newest' ? -1 : Number(from),
  };
}

/** @throws WebhookError `invalid_argument` */
export function checkEntryFilter(operation: string, filter: EntryFilter): ResolvedEntryFilter {
  return parseArgument(`inbox.${operation}`, filterSchema, filter);
}

/**
 * Returns the key alone.
 *
 * @throws WebhookError `invalid_argument` unless `key` has an endpoint and a task id
 */
export function checkEntryKey(operation: string, key: EntryKey): EntryKey {
  const given: unknown = key;
  if (!isObject(given)) throw invalidKey(operation, 'the key', given);
  for (const name of ['endpoint', 'taskId'] as const) {
    if (typeof given[name] !== 'string') throw invalidKey(operation, name, given[name]);
  }
  return { endpoint: key.endpoint, taskId: key.taskId };
}

function invalidKey(operation: string, name: string, value: unknown): WebhookError {
  const fault = value === undefined ? 'missing' : `invalid (${typeof value})`;
  return new WebhookError(
    'invalid_argument',
    `inbox.${operation}: ${name} is ${fault}. Pass { endpoint, taskId }; the default endpoint is 'novita'.`,
  );
}
