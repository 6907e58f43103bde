import { readPayload } from '../events/envelope.ts';
import { toEntry } from '../delivery/to-entry.ts';
import { isExpectation, isSubmission } from '../inbox/expectation.ts';
import type { DeadLetterCode, Entry, Inbox, NewEntry, Outcome } from '../inbox/ports.ts';
import type { Clock } from '../shared/clock.ts';
import { isWebhookError, summariseError } from '../shared/errors.ts';
import type { JsonObject } from '../shared/json.ts';
import type { LazyAbort } from '../shared/lazy-abort.ts';
import type { Logger } from '../shared/logger.ts';
import { isApiDown } from '../task-results/api-failure.ts';
import { askInTime } from '../task-results/ask-in-time.ts';
import type { TaskResultClient } from '../task-results/client.ts';
import { createAskSlots, untilFirstAsk, untilNextAsk } from './ask-pace.ts';
import { readExpectation, type Expectation } from './expectation-body.ts';

/** What the sweep of one receiver has done. */
export interface SweepCounts {
  /** Questions to the Task Result API. */
  readonly asked: number;
  /** Results that it found before an event came. */
  readonly found: number;
  /** Of these, results whose event came later. The others had no webhook. */
  readonly deliveredLater: number;
  /** Tasks that were given up. */
  readonly missing: number;
}

/** Asks for the results of expectations that are due. */
export interface Sweep {
  /** One attempt on an entry that is not for handlers. Never rejects. */
  attempt(entry: ExpectedEntry, abort: LazyAbort): Promise<Outcome>;
  /** To be called when an event comes for a result that the sweep has found. */
  countDelivery(): void;
  counts(): SweepCounts;
}

export interface SweepOptions {
  readonly taskResults: TaskResultClient | null;
  readonly inbox: Inbox;
  readonly endpoint: string;
  readonly clock: Clock;
  readonly limitedLog: Logger;
}

/** An entry as the sweep needs it. */
type ExpectedEntry = NewEntry & Pick<Entry, 'attempts'>;

type Counts = { -readonly [Name in keyof SweepCounts]: SweepCounts[Name] };

export function createSweep(options: SweepOptions): Sweep {
  const { taskResults, clock, limitedLog } = options;
  const slots = createAskSlots(clock);
  const counts: Counts = { asked: 0, found: 0, deliveredLater: 0, missing: 0 };

  return {
    async attempt(entry, abort) {
      if (!isExpectation(entry)) return { type: 'done' }; // the record of an answered submit call
      const expectation = readExpectation(entry.body);
      if (expectation === null) return dead(UNREADABLE_ENTRY, 'invalid_result');
      const now = clock.now();
      const leftMs = expectation.until - now;
      if (isSubmission(entry))
        return leftMs > 0 ? released(leftMs) : dead(UNFINISHED, 'submission_unfinished');
      const awaited = { entry, expectation };
      if (taskResults === null) {
        if (leftMs <= -NO_CLIENT_MARGIN_MS) return giveUp('taskResults is not set', counts);
        limitedLog.warn({ taskId: entry.taskId }, NO_CLIENT);
        return released(NO_CLIENT_DELAY_MS);
      }
      const earlyMs = untilFirstAsk(expectation, entry.receivedAt, now);
      if (earlyMs > 0) return released(earlyMs);
      const waitMs = slots.take();
      if (waitMs > 0) return released(waitMs);
      try {
        return await ask(awaited, abort.signal(), { ...options, taskResults }, counts);
      } finally {
        slots.free();
      }
    },
    countDelivery: () => void (counts.deliveredLater += 1),
    counts: () => ({ ...counts }),
  };
}

interface Awaited {
  readonly entry: ExpectedEntry;
  readonly expectation: Expectation;
}

async function ask(
  awaited: Awaited,
  signal: AbortSignal,
  options: SweepOptions & { readonly taskResults: TaskResultClient },
  counts: Counts,
): Promise<Outcome> {
  const { taskResults, inbox, clock, limitedLog } = options;
  const { taskId } = awaited.entry;
  counts.asked += 1;
  try {
    const getPayload = (either: AbortSignal) => taskResults.getPayload(taskId, { signal: either });
    const payload = await askInTime(getPayload, { signal, clock });
    const result = toSweptEntry(payload, awaited.entry, options);
    if (result === null) return awaitOrGiveUp(awaited, 'the task is still running', clock, counts);
    if (result.schemaError !== null) {
      return dead(`${UNREADABLE}: ${result.schemaError}`, 'invalid_result');
    }
    if ((await inbox.add(result)) === 'added') {
      counts.found += 1;
      limitedLog.warn({ taskId }, FOUND);
    }
    return released(0); // the store refuses it: the result has taken the place of the expectation
  } catch (error) {
    if (signal.aborted) return released(0);
    const reason = summariseError(error).message;
    limitedLog.warn({ taskId, reason }, isWebhookError(error, 'task_not_found') ? UNKNOWN : FAILED);
    return awaitOrGiveUp(awaited, reason, clock, counts, isApiDown(error) ? MAX_OUTAGE_MS : 0);
  }
}

/** Counts as a question. */
function askAgain({ entry, expectation }: Awaited, reason: string, clock: Clock): Outcome {
  const delayMs = untilNextAsk(expectation, entry.attempts, clock.now());
  return { type: 'retry', delayMs, reason: `expected: ${reason}`, succeededHandlers: [] };
}

function awaitOrGiveUp(
  awaited: Awaited,
  reason: string,
  clock: Clock,
  counts: Counts,
  extraMs = 0,
): Outcome {
  const isInTime = clock.now() < awaited.expectation.until + extraMs;
  return isInTime ? askAgain(awaited, reason, clock) : giveUp(reason, counts);
}

function giveUp(reason: string, counts: Counts): Outcome {
  counts.missing += 1;
  return dead(`missing: no result arrived in time; ${reason}`, 'missing');
}

/** So that a process which can ask has its turn, also at the deadline. */
const NO_CLIENT_DELAY_MS = 15_000;
const NO_CLIENT_MARGIN_MS = 60 * 60_000;
/** After the deadline, how long the API may be down. */
const MAX_OUTAGE_MS = 7 * 24 * 60 * 60_000;
const NO_CLIENT =
  'sweep: a task is awaited, and this process cannot ask for its result. Pass ' +
  'taskResults: createTaskResultClient({ apiKey }) to createReceiver.';
const FOUND =
  'sweep: a result was found by asking before a webhook brought it. If none comes later either, ' +
  'look for why with receiver.check(); some endpoints of Novita send no webhooks.';
const FAILED = 'sweep: the result of a task could not be fetched and kept; trying again later';
const UNKNOWN =
  'sweep: the Task Result API does not know an awaited task; asking again until the time of the ' +
  'expectation is over. Check the task id, baseUrl, and that apiKey is of the account that submitted it.';
const UNREADABLE_ENTRY = 'the stored expectation cannot be read. Discard it.';
const UNREADABLE = 'the result of the Task Result API does not fit the schema';
const UNFINISHED =
  'a submit call with this key began and never named its task, so the task may be running unseen. ' +
  'Discard this entry to submit it again.';

/** @returns `null` while the task is running */
function toSweptEntry(
  payload: JsonObject,
  { metadata, testMode, traceparent }: NewEntry,
  options: SweepOptions,
): NewEntry | null {
  const { kind, event } = readPayload(payload);
  if (kind === 'progress') return null;
  const { entry } = toEntry(event, { metadata, testMode, traceparent }, options);
  return { ...entry, source: 'sweep' };
}

const dead = (reason: string, code: DeadLetterCode): Outcome => ({
  type: 'dead',
  ...{ code, reason, succeededHandlers: [] },
});

/** Does not count as a question. */
const released = (delayMs: number): Outcome => ({
  type: 'released',
  delayMs,
  succeededHandlers: [],
});
