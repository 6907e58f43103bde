import { isExpectation } from '../inbox/expectation.ts';
import type { AddAnswer, Inbox, NewEntry } from '../inbox/ports.ts';
import { LATE, withDeadline, type Clock } from '../shared/clock.ts';
import { isWebhookError, WebhookError } from '../shared/errors.ts';
import { errorFields, type Logger } from '../shared/logger.ts';
import { RefusedTokenError } from './refuse-token.ts';

/** What storing an entry needs. */
export interface AddToInboxOptions {
  readonly inbox: Inbox;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limitedLog: Logger;
  /** Called when a duplicate has another status than the entry in the inbox. */
  readonly onConflict: () => void;
  /** Called when an event comes for a result that the sweep has found. */
  readonly onSweptBefore: () => void;
}

/**
 * Stores an entry. Resolves only after the inbox confirmed that it has the entry.
 *
 * @param timeoutMs milliseconds that the inbox may take
 * @throws WebhookError `unauthorized` if the token belongs to another task, `inbox_full`, `inbox_unavailable`, `reply_timeout`
 */
export async function addToInbox(
  entry: NewEntry,
  timeoutMs: number,
  options: AddToInboxOptions,
): Promise<'added' | 'duplicate'> {
  const added = await withDeadline(add(entry, options), timeoutMs, options.clock);
  if (added === LATE) throw new WebhookError('reply_timeout', 'the inbox took too long');
  if (added === 'other_task') throw new RefusedTokenError(added, entry.taskId);
  return added;
}

/** Logs its own failure, because the reply may have been sent by then. */
async function add(entry: NewEntry, options: AddToInboxOptions): Promise<AddAnswer> {
  const { inbox, log } = options;
  try {
    const added: unknown = await inbox.add(entry);
    if (added !== 'added' && added !== 'duplicate' && added !== 'other_task') {
      throw new Error(`inbox.add() returned ${typeof added}, not 'added' or 'duplicate'`);
    }
    if (added === 'duplicate') await compareWithFirst(entry, options);
    return added;
  } catch (error) {
    log.error(
      { taskId: entry.taskId, ...errorFields(error) },
      'inbox: an event was not stored. The reply is 503, and Novita retries the delivery.',
    );
    if (isWebhookError(error, 'inbox_full')) throw error;
    throw new WebhookError('inbox_unavailable', 'the inbox did not store the event', {
      cause: error,
    });
  }
}

/** The first terminal event wins. A later one with another status is logged and counted. */
async function compareWithFirst(
  entry: NewEntry,
  { inbox, log, limitedLog, onConflict, onSweptBefore }: AddToInboxOptions,
): Promise<void> {
  if (inbox.capabilities.addOnly) return; // it has no get()
  const { taskId } = entry;
  try {
    const first = await inbox.get(entry);
    if (first === undefined) return;
    if (isExpectation(first)) return void limitedLog.warn({ taskId }, NOT_KEPT);
    if (first.source === 'sweep') onSweptBefore();
    if (first.status === entry.status) return;
    onConflict();
    limitedLog.warn(
      { taskId, first: first.status, later: entry.status },
      'inbox: a later event has another status than the first one of its task. The first one counts.',
    );
  } catch (error) {
    log.debug(
      { taskId, ...errorFields(error) },
      'inbox: a duplicate could not be compared with the first event of its task',
    );
  }
}

const NOT_KEPT =
  'inbox: an event of an expected task does not fit the schema and was not kept. A worker with ' +
  'taskResults asks for the result.';
