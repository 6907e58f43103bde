import { LATE, withDeadline, type Clock } from '../shared/clock.ts';
import { isWebhookError, WebhookError, type ReplyCode } from '../shared/errors.ts';
import type { EntryState, Inbox, NewEntry } from '../inbox/ports.ts';
import { errorFields, type Logger } from '../shared/logger.ts';
import type { Settlements } from '../handlers/outcome-waiters.ts';

export interface KeepOptions {
  readonly inbox: Inbox;
  readonly ack: 'accepted' | 'handled';
  readonly settlements: Settlements;
  readonly clock: Clock;
  readonly log: Logger;
  /** The entry is in the inbox and waits for an attempt. */
  readonly onKept: (state: 'added' | 'pending') => unknown;
  /** A second terminal event of a task told another story than the first. */
  readonly onConflict: () => void;
}

/**
 * Puts an entry into the inbox and says what to answer. Success is answered only after the inbox
 * said that it has the entry; with `ack: 'handled'`, only after the handlers succeeded.
 *
 * @param budgetMs milliseconds that are left until the answer must be out
 */
export async function keep(
  entry: NewEntry,
  budgetMs: number,
  options: KeepOptions,
): Promise<ReplyCode> {
  const { ack, settlements, clock, onKept } = options;
  const deadline = clock.now() + budgetMs;
  const settlement = settlements.next(entry); // before the entry can be settled
  try {
    const added = await withDeadline(add(entry, options), budgetMs, clock);
    if (added === LATE) throw new WebhookError('reply_timeout', 'the inbox took too long');
    const isEnough = ack === 'accepted' || entry.schemaError !== null; // what drifted is never handled
    if (isEnough) {
      if (added === 'added') await onKept(added);
      return added === 'added' ? 'accepted' : 'duplicate';
    }
    const left = () => deadline - clock.now();
    const hurried = promote(entry, added, options);
    const state = await withDeadline(hurried, left(), clock);
    if (state === 'done') return 'duplicate';
    if (state === 'dead') throw new WebhookError('not_handled', 'the event is a dead letter');
    const outcome = await withDeadline(settlement.promise, left(), clock);
    if (outcome !== LATE && outcome.type === 'done') return 'accepted';
    throw new WebhookError('not_handled', 'the handlers did not succeed in time');
  } finally {
    settlement.forget();
  }
}

/** Logs its own failure: the reply may have gone out by then. */
async function add(entry: NewEntry, options: KeepOptions): Promise<'added' | 'duplicate'> {
  try {
    const added: unknown = await options.inbox.add(entry);
    if (added !== 'added' && added !== 'duplicate') {
      throw new Error(`inbox.add() answered ${typeof added}, not 'added' or 'duplicate'`);
    }
    if (added === 'duplicate') await noteConflict(entry, options);
    return added;
  } catch (error) {
    options.log.error(
      { taskId: entry.taskId, ...errorFields(error) },
      'the inbox did not take an event',
    );
    if (isWebhookError(error, 'inbox_full')) throw error;
    throw new WebhookError('inbox_unavailable', 'the inbox did not take the event', {
      cause: error,
    });
  }
}

/** The first terminal event wins. Another status after it is worth knowing, but changes nothing. */
async function noteConflict(
  entry: NewEntry,
  { inbox, log, onConflict }: KeepOptions,
): Promise<void> {
  if (inbox.capabilities.addOnly) return; // it cannot be read
  const { taskId } = entry;
  try {
    const first = await inbox.get(entry);
    if (first === undefined || first.status === entry.status) return;
    onConflict();
    log.warn(
      { taskId, first: first.status, later: entry.status },
      'a later event contradicts the first',
    );
  } catch (error) {
    log.debug(
      { taskId, ...errorFields(error) },
      'a duplicate could not be compared with the first',
    );
  }
}

/** A copy is Novita's own retry: it is taken as the moment for our next attempt. */
async function promote(
  entry: NewEntry,
  added: 'added' | 'duplicate',
  { inbox, onKept }: KeepOptions,
): Promise<EntryState | 'added' | undefined> {
  const state = added === 'added' ? added : (await inbox.get(entry))?.state;
  if (state === 'added' || state === 'pending') await onKept(state);
  return state;
}
