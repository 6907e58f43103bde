import type { EntryMacs } from './entry-mac.ts';
import type { OutcomeWaiters } from '../handlers/outcome-waiters.ts';
import type { Worker } from '../handlers/worker.ts';
import type { EntryState, NewEntry } from '../inbox/ports.ts';
import { LATE, monotonicMs, withDeadline } from '../shared/clock.ts';
import { WebhookError, type ReplyCode } from '../shared/errors.ts';
import { isPromise } from '../shared/is-promise.ts';
import type { InFlight } from '../shared/in-flight.ts';
import { addToInbox, type AddToInboxOptions } from './add-to-inbox.ts';
import type { RuntimeContext } from './request.ts';
import type { ReceivedEntry } from './to-entry.ts';
import { keepRuntimeAlive } from './within-request.ts';

/** When 2xx is sent: once the inbox has the entry, or once its handlers have succeeded. */
type Ack = 'accepted' | 'handled';

/** What accepting an event needs. */
export interface AcceptEventOptions extends AddToInboxOptions {
  /** `null`: chosen by the runtime of each delivery. */
  readonly ack: Ack | null;
  readonly consume: boolean;
  /** Milliseconds that an attempt may go on after its reply. */
  readonly handlerTimeoutMs: number;
  readonly entryMacs: EntryMacs | null;
  readonly worker: Worker;
  readonly outcomeWaiters: OutcomeWaiters;
  /** Work that goes on after the reply. Closing waits for it. */
  readonly afterReply: InFlight;
}

/**
 * Stores an entry, lets its attempt start, and decides when to reply and with what.
 *
 * @param remainingMs milliseconds until the reply has to be sent
 */
export type AcceptEvent = (
  received: ReceivedEntry,
  remainingMs: number,
  runtime: RuntimeContext,
) => ReplyCode | Promise<ReplyCode>;

/** Called when the inbox has the entry and the entry waits for an attempt. */
type OnPending = (state: 'added' | 'pending') => Promise<unknown> | undefined;

export function createAcceptEvent(options: AcceptEventOptions): AcceptEvent {
  const { inbox, worker, entryMacs } = options;

  /** Entries that leave for a foreign queue carry a MAC, which `processEntry` requires. */
  async function acceptWithMac(
    macs: EntryMacs,
    ...args: Parameters<AcceptEvent>
  ): Promise<ReplyCode> {
    const [{ entry, parsed }, ...rest] = args;
    return acceptNow({ entry: { ...entry, mac: await macs.sign(entry) }, parsed }, ...rest);
  }

  const acceptNow: AcceptEvent = (received, remainingMs, { ephemeral = false, waitUntil }) => {
    const { entry } = received;
    const canWait = ephemeral && options.consume && inbox.promote !== undefined;
    const ack = options.ack ?? (canWait ? 'handled' : 'accepted');
    const deadline = monotonicMs(options.clock) + remainingMs;
    const needsOwnAttempt = ephemeral && (ack === 'handled' || waitUntil !== undefined);
    if (needsOwnAttempt && worker.requestScopedAttempts() !== undefined) {
      return acceptWithAttempt(entry, ack, deadline, waitUntil, options);
    }
    if (needsContext(ephemeral, options))
      options.limitedLog.warn({ taskId: entry.taskId }, NO_CONTEXT);
    worker.startFor(entry);
    worker.parsedResults.keep(entry, received.parsed);
    const onPending: OnPending = (state) =>
      state === 'pending' ? inbox.promote?.(entry) : undefined;
    return accept(entry, ack, deadline, onPending, options);
  };

  const needsMac = inbox.capabilities.addOnly === true && entryMacs !== null;
  return needsMac ? (...args) => acceptWithMac(entryMacs, ...args) : acceptNow;
}

/** Whether nothing keeps the process running until the handlers of an entry in memory have ended. */
function needsContext(ephemeral: boolean, { inbox, worker }: AcceptEventOptions): boolean {
  const { durable } = inbox.capabilities;
  return ephemeral && !durable && worker.requestScopedAttempts() !== undefined;
}

const NO_CONTEXT =
  'delivery: an event was accepted into memory on a runtime that may stop after the reply. The event ' +
  'is lost then. Call receiver.start() if the process keeps running; else pass the context of the ' +
  'runtime with waitUntil to the handler, or leave out ack.';

/** For runtimes that may stop after the reply: the entry is attempted within its request. */
async function acceptWithAttempt(
  entry: NewEntry,
  ack: Ack,
  deadline: number,
  waitUntil: RuntimeContext['waitUntil'],
  options: AcceptEventOptions,
): Promise<ReplyCode> {
  const gracePeriodMs = waitUntil === undefined ? 0 : options.handlerTimeoutMs;
  const attempts = options.worker.requestScopedAttempts();
  await attempts?.endOverdue(); // of requests that the runtime has cut off
  const attempt = attempts?.prepare(entry, deadline + gracePeriodMs);
  const start = () => {
    attempt?.start();
    return undefined;
  };
  try {
    return await accept(entry, ack, deadline, start, options);
  } finally {
    const afterOutcome = waitUntil === undefined ? attempt?.afterOutcome() : undefined;
    const remainingMs = deadline - monotonicMs(options.clock);
    if (afterOutcome) await withDeadline(afterOutcome, remainingMs, options.clock);
    const ended = options.afterReply.run(async () => attempt?.end(gracePeriodMs));
    keepRuntimeAlive(ended, waitUntil, options.limitedLog);
  }
}

function accept(
  entry: NewEntry,
  ack: Ack,
  deadline: number,
  onPending: OnPending,
  options: AcceptEventOptions,
): ReplyCode | Promise<ReplyCode> {
  // An entry with a schema error never reaches a handler, so there is nothing to wait for.
  if (ack === 'handled' && entry.schemaError === null) {
    return acceptWhenHandled(entry, deadline, onPending, options);
  }
  const adding = addToInbox(entry, deadline - monotonicMs(options.clock), options);
  return isPromise(adding)
    ? adding.then((added) => acceptAdded(added, onPending))
    : acceptAdded(adding, onPending);
}

function acceptAdded(
  added: 'added' | 'duplicate',
  onPending: OnPending,
): ReplyCode | Promise<ReplyCode> {
  if (added === 'duplicate') return added;
  const starting = onPending(added);
  return starting === undefined ? 'accepted' : starting.then(() => 'accepted');
}

async function acceptWhenHandled(
  entry: NewEntry,
  deadline: number,
  onPending: OnPending,
  options: AcceptEventOptions,
): Promise<ReplyCode> {
  const remainingMs = () => deadline - monotonicMs(options.clock);
  const waiter = options.outcomeWaiters.add(entry); // before the entry can be settled
  try {
    const added = await addToInbox(entry, remainingMs(), options);
    return await waitForHandlers(entry, added, waiter.outcome, remainingMs, onPending, options);
  } finally {
    waiter.remove();
  }
}

/** @throws WebhookError `not_handled` */
async function waitForHandlers(
  entry: NewEntry,
  added: 'added' | 'duplicate',
  outcome: Promise<{ readonly type: string }>,
  remainingMs: () => number,
  onPending: OnPending,
  options: AcceptEventOptions,
): Promise<ReplyCode> {
  const { clock } = options;
  const starting = startAttempt(entry, added, onPending, options);
  const state = await withDeadline(starting, remainingMs(), clock);
  if (state === 'done') return 'duplicate';
  if (state === 'dead') throw new WebhookError('not_handled', 'the entry is a dead letter');
  const ended = await withDeadline(outcome, remainingMs(), clock);
  if (ended !== LATE && ended.type === 'done') return 'accepted';
  throw new WebhookError('not_handled', 'the handlers did not succeed in time');
}

/** A duplicate is Novita's retry: it starts the next attempt of an entry that is pending. */
async function startAttempt(
  entry: NewEntry,
  added: 'added' | 'duplicate',
  onPending: OnPending,
  { inbox }: AcceptEventOptions,
): Promise<EntryState | 'added' | undefined> {
  const state = added === 'added' ? added : (await inbox.get(entry))?.state;
  if (state === 'added' || state === 'pending') await onPending(state);
  return state;
}
