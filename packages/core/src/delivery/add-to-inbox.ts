import { isExpectation } from '../inbox/expectation.ts';
import { toImmediateAdd } from '../inbox/immediate-add.ts';
import type { AddAnswer, Inbox, NewEntry } from '../inbox/ports.ts';
import { LATE, withDeadline, type Clock } from '../shared/clock.ts';
import { isWebhookError, WebhookError } from '../shared/errors.ts';
import { isPromise } from '../shared/is-promise.ts';
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
 * Stores an entry. Answers only after the inbox confirmed that it has the entry; at once, if the inbox
 * does.
 *
 * @param timeoutMs milliseconds that the inbox may take
 * @throws WebhookError `unauthorized` if the token belongs to another task, `inbox_full`, `inbox_unavailable`, `reply_timeout`
 */
export function addToInbox(
  entry: NewEntry,
  timeoutMs: number,
  options: AddToInboxOptions,
): Kept | Promise<Kept> {
  const adding = add(entry, options);
  if (!isPromise(adding)) return requireOwnToken(adding, entry);
  return withDeadline(adding, timeoutMs, options.clock).then((added) => {
    if (added === LATE) throw new WebhookError('reply_timeout', 'the inbox took too long');
    return requireOwnToken(added, entry);
  });
}

type Kept = Exclude<AddAnswer, 'other_task'>;

function requireOwnToken(added: AddAnswer, { taskId }: NewEntry): Kept {
  if (added === 'other_task') throw new RefusedTokenError(added, taskId);
  return added;
}

/** Logs its own failure, because the reply may have been sent by then. */
function add(entry: NewEntry, options: AddToInboxOptions): AddAnswer | Promise<AddAnswer> {
  const fail = (error: unknown) => failToAdd(error, entry, options);
  const check = (added: unknown) => checkAnswer(added, entry, options);
  try {
    const adding = toImmediateAdd(options.inbox)(entry);
    return isPromise(adding) ? adding.then(check).catch(fail) : check(adding);
  } catch (error) {
    return fail(error);
  }
}

function checkAnswer(
  added: unknown,
  entry: NewEntry,
  options: AddToInboxOptions,
): AddAnswer | Promise<AddAnswer> {
  if (added === 'duplicate') return compareWithFirst(entry, options).then(() => added);
  if (added === 'added' || added === 'other_task') return added;
  throw new Error(`inbox.add() returned ${typeof added}, not 'added' or 'duplicate'`);
}

function failToAdd(error: unknown, { taskId }: NewEntry, { log }: AddToInboxOptions): never {
  log.error(
    { taskId, ...errorFields(error) },
    'inbox: an event was not stored. The reply is 503, and Novita retries the delivery.',
  );
  if (isWebhookError(error, 'inbox_full')) throw error;
  throw new WebhookError('inbox_unavailable', 'the inbox did not store the event', {
    cause: error,
  });
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
