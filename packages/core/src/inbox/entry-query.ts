import { WebhookError } from '../shared/errors.ts';
import type { EntryQuery } from './ports.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/** An {@link EntryQuery} with defaults filled in and checked. */
export interface ResolvedEntryQuery extends Pick<EntryQuery, 'endpoint' | 'state'> {
  readonly limit: number;
  /** Only entries whose number in the order of arrival is lower. */
  readonly before: number;
}

/**
 * Checks a query, for inboxes. A cursor is a number in the order of arrival, so pages do not shift
 * when entries are added.
 *
 * @throws WebhookError `invalid_argument`
 */
export function resolveEntryQuery(query: EntryQuery = {}): ResolvedEntryQuery {
  const { endpoint, state, limit = DEFAULT_LIMIT, cursor } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new WebhookError(
      'invalid_argument',
      `list: limit must be an integer from 1 to ${MAX_LIMIT}`,
    );
  }
  if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) {
    throw new WebhookError(
      'invalid_argument',
      'list: cursor must be the cursor of an earlier page',
    );
  }
  return { endpoint, state, limit, before: cursor === undefined ? Infinity : Number(cursor) };
}
