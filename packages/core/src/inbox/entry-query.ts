import * as z from 'zod';

import { parseArgument } from '../shared/check-options.ts';
import { WebhookError } from '../shared/errors.ts';
import { createEntryFilter } from './entry-filter.ts';
import type { Entry, EntryFilter, EntryKey, EntryQuery } from './ports.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

const text = z.string().optional();
const flag = z.boolean().optional();
const time = z
  .union([z.date(), z.number()], 'must be a Date or milliseconds since 1970')
  .transform(Number)
  .optional();
const value = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const filterShape = {
  endpoint: text,
  states: z
    .array(z.enum(['pending', 'running', 'done', 'dead']), "must be a list such as ['dead']")
    .optional(),
  taskType: text,
  status: text,
  reasonContains: text,
  errorGroup: text,
  metadata: z.record(z.string(), value).optional(),
  receivedFrom: time,
  receivedTo: time,
  finishedFrom: time,
  finishedTo: time,
  schemaErrors: flag,
  testEvents: flag,
  taskIdContains: text,
};
const filterSchema: z.ZodType<ResolvedEntryFilter> = z.strictObject(filterShape);
const cursor = z.string().regex(/^\d{1,15}$/, 'must be the cursor of an earlier page');

const querySchema = z.strictObject({
  ...filterShape,
  order: z.enum(['newest', 'oldest']).default('newest'),
  limit: z
    .int(`must be an integer from 1 to ${MAX_LIMIT}`)
    .min(1)
    .max(MAX_LIMIT)
    .default(DEFAULT_LIMIT),
  cursor: cursor.optional(),
  bodies: z.boolean().default(true),
});

const keySchema = z.object({ endpoint: z.string(), taskId: z.string() });

type TimeName = 'receivedFrom' | 'receivedTo' | 'finishedFrom' | 'finishedTo';

/** An {@link EntryFilter} that was checked. Times are milliseconds since 1970. */
export type ResolvedEntryFilter = Omit<EntryFilter, TimeName> &
  Readonly<Partial<Record<TimeName, number | undefined>>>;

/** An {@link EntryQuery} with defaults filled in and checked. */
export interface ResolvedEntryQuery {
  readonly filter: ResolvedEntryFilter;
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
  const parsed = parseArgument('list', querySchema, query);
  const { order, limit, cursor: from, bodies, ...filter } = parsed;
  return {
    ...{ filter, order, limit, bodies, matches: createEntryFilter(filter) },
    before: from === undefined || order === 'oldest' ? Number.MAX_SAFE_INTEGER : Number(from),
    after: from === undefined || order === 'newest' ? -1 : Number(from),
  };
}

/** @throws WebhookError `invalid_argument` */
export function checkEntryFilter(operation: string, filter: EntryFilter): ResolvedEntryFilter {
  return parseArgument(operation, filterSchema, filter);
}

/**
 * Returns the key alone.
 *
 * @throws WebhookError `invalid_argument`
 */
export function checkEntryKey(operation: string, key: EntryKey): EntryKey {
  const parsed = keySchema.safeParse(key);
  if (parsed.success) return parsed.data;
  throw new WebhookError(
    'invalid_argument',
    `${operation}: pass the key of one entry, { endpoint, taskId }, both texts. ` +
      "The endpoint is 'novita' unless createReceiver was given another one.",
  );
}
