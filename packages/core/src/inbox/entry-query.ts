// Checks what callers pass to the operations on entries.
import * as z from 'zod';

import { copyPlainObject, parseArgument, strictOptions } from '../shared/check-options.ts';
import { WebhookError } from '../shared/errors.ts';
import { isObject } from '../shared/json.ts';
import { readOr } from '../shared/read-or.ts';
import { createEntryFilter, type ResolvedEntryFilter } from './entry-filter.ts';
import { toStoredStates, type StoredState } from './expectation.ts';
import type { Entry, EntryFilter, EntryKey, EntryQuery } from './ports.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

const EMPTY = 'must not be empty. Leave it out to let every value pass.';
const text = z.string('must be a text').optional();
const part = z.string('must be a text').min(1, EMPTY).optional();
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
const metadata = z.preprocess(
  copyPlainObject,
  z
    .record(z.string(), metadataValue, 'must be a plain object')
    .refine((wanted) => Object.keys(wanted).length > 0, EMPTY),
);

/** A filter that no entry can fail is refused: its value is missing by mistake. */
const filterShape = {
  endpoint: text,
  states: z.array(state, "must be a list such as ['dead']").min(1, EMPTY).optional(),
  taskType: text,
  status: text,
  reasonContains: part,
  errorGroup: text,
  metadata: metadata.optional(),
  receivedFrom: time,
  receivedTo: time,
  finishedFrom: time,
  finishedTo: time,
  schemaErrors: flag,
  testEvents: flag,
  taskIdContains: part,
} satisfies Record<keyof EntryFilter, z.ZodType>;
const filterSchema: z.ZodType<ResolvedEntryFilter> = strictOptions(filterShape);

const cursor = z.string('must be a text').optional();
const groupsSchema = strictOptions({ ...filterShape, cursor });

const limitFault = `must be an integer from 1 to ${MAX_LIMIT}`;

/** A filter that is not listed is rejected. */
const querySchema = strictOptions({
  ...filterShape,
  order: z.enum(['newest', 'oldest'], 'must be newest or oldest').default('newest'),
  limit: z.int(limitFault).min(1, limitFault).max(MAX_LIMIT, limitFault).default(DEFAULT_LIMIT),
  cursor,
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

/** An {@link EntryQuery} that was checked, with defaults. */
export type CheckedEntryQuery = ResolvedEntryFilter &
  Pick<ResolvedEntryQuery, 'order' | 'limit' | 'bodies'> &
  Pick<EntryQuery, 'cursor'>;

/**
 * Checks a query, for stores. A cursor is a number in the order of arrival, so pages do not shift when
 * entries are added.
 *
 * @throws WebhookError `invalid_argument`
 */
export function resolveEntryQuery(query: EntryQuery = {}): ResolvedEntryQuery {
  const { order, limit, cursor: from, bodies, ...filter } = checkEntryQuery(query);
  if (from !== undefined && !/^\d{1,15}$/.test(from)) throw invalidCursor('list');
  return {
    ...{ filter, order, limit, bodies, matches: createEntryFilter(filter) },
    storedStates: filter.states && toStoredStates(filter.states),
    before: from === undefined || order === 'oldest' ? Number.MAX_SAFE_INTEGER : Number(from),
    after: from === undefined || order === 'newest' ? -1 : Number(from),
  };
}

/** The error of a text that is no cursor. */
export function invalidCursor(
  operation: string,
  fault = 'must be the cursor of an earlier page',
): WebhookError {
  return new WebhookError('invalid_argument', `inbox.${operation}: cursor: ${fault}`);
}

/**
 * Returns a copy of a query, which the caller cannot change. Does not look at its cursor.
 *
 * @throws WebhookError `invalid_argument`
 */
export function checkEntryQuery(query: EntryQuery): CheckedEntryQuery {
  return parseArgument('inbox.list', querySchema, query);
}

/** The same for `EntryAdmin.groups`. */
export function checkGroupsQuery(
  query: EntryFilter & Pick<EntryQuery, 'cursor'>,
): ResolvedEntryFilter & Pick<EntryQuery, 'cursor'> {
  return parseArgument('inbox.groups', groupsSchema, query);
}

/**
 * Returns a copy of a filter, which the caller cannot change.
 *
 * @throws WebhookError `invalid_argument`
 */
export function checkEntryFilter(operation: string, filter: EntryFilter): ResolvedEntryFilter {
  return parseArgument(`inbox.${operation}`, filterSchema, filter);
}

/**
 * Returns the key alone.
 *
 * @throws WebhookError `invalid_argument` unless `key` has an endpoint and a task id
 */
export function checkEntryKey(operation: string, key: EntryKey): EntryKey {
  const read = (given: unknown) =>
    isObject(given) ? { endpoint: given['endpoint'], taskId: given['taskId'] } : null;
  const given = readOr(() => read(key), null); // a getter may throw
  if (given === null) throw invalidKey(operation, 'the key', key);
  const { endpoint, taskId } = given;
  if (typeof endpoint !== 'string') throw invalidKey(operation, 'endpoint', endpoint);
  if (typeof taskId !== 'string') throw invalidKey(operation, 'taskId', taskId);
  return { endpoint, taskId };
}

function invalidKey(operation: string, name: string, value: unknown): WebhookError {
  const fault = value === undefined ? 'missing' : `invalid (${typeof value})`;
  return new WebhookError(
    'invalid_argument',
    `inbox.${operation}: ${name} is ${fault}. Pass { endpoint, taskId }; the default endpoint is 'novita'.`,
  );
}
