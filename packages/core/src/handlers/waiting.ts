// What becomes of an entry that the Task Result API has not confirmed yet. No attempt is counted: the
// cause is outside the entry.
import type { NewEntry } from '../inbox/ports.ts';
import { LONG_WAIT_MS, WAITING } from '../inbox/waiting-reason.ts';
import type { Clock } from '../shared/clock.ts';
import { describeError, summariseError } from '../shared/errors.ts';
import type { Logger } from '../shared/logger.ts';
import type { EndedEarly } from './handled-result.ts';
import { toFailure } from './handler-failure.ts';

type WaitingEntry = NewEntry & { readonly succeededHandlers: readonly string[] };

interface WaitingOptions {
  readonly clock: Clock;
  readonly limitedLog: Logger;
  readonly apiDownMs: () => number | null;
}

/** The API says that the task has not ended. A sender can cause it, so it stays a warning. */
export function waitUntilEnd(
  entry: WaitingEntry,
  status: string,
  { clock, limitedLog }: WaitingOptions,
): EndedEarly {
  const { taskId } = entry;
  const delayMs = delayOf(entry, clock);
  limitedLog.warn({ taskId, status, delayMs }, STILL_RUNS);
  return released(entry, delayMs, `${WAITING}: it says ${status}`);
}

/** The API gave no answer about the task. If it gives none at all for long, that is an error. */
export function waitForAnswer(
  entry: WaitingEntry,
  error: unknown,
  { clock, limitedLog, apiDownMs }: WaitingOptions,
): EndedEarly {
  const { taskId } = entry;
  const delayMs = delayOf(entry, clock);
  const downMs = apiDownMs();
  const fields = { taskId, error: describeError(error), delayMs, apiDownMs: downMs };
  if (downMs !== null && downMs >= LONG_WAIT_MS) limitedLog.error(fields, DOWN_FOR_LONG);
  else limitedLog.warn(fields, NOT_CONFIRMED);
  const { message, code } = summariseError(error);
  const reason = `${WAITING}: ${message}${code === null ? '' : ` (${code})`}`;
  return { ...released(entry, delayMs, reason), failures: [toFailure('confirm', error)] };
}

/** @param reason why it waits; absent: the entry keeps its reason */
export function released(
  { succeededHandlers }: WaitingEntry,
  delayMs: number,
  reason?: string,
): EndedEarly {
  const why = reason === undefined ? {} : { reason };
  return { ended: { type: 'released', delayMs, succeededHandlers, ...why }, failures: [] };
}

const MIN_WAIT_MS = 2000;
const MAX_WAIT_MS = 5 * 60_000;

/**
 * Half of the age of the event, so that the delays grow by half each without a count in the store. At
 * random up to a third less, so that entries which wait together are not attempted together.
 */
function delayOf({ receivedAt }: NewEntry, clock: Clock): number {
  const ageMs = clock.now() - receivedAt;
  const ms = Math.min(Math.max(MIN_WAIT_MS, ageMs / 2), MAX_WAIT_MS);
  return Math.round(ms * (1 - Math.random() / 3));
}

const NOT_CONFIRMED =
  'worker: the Task Result API could not be asked about an event, so the entry waits. No attempt is counted.';
const DOWN_FOR_LONG =
  'worker: the Task Result API gives no answer for over an hour (apiDownMs), so events wait. Find the fault ' +
  'with receiver.check(): it looks at apiKey and baseUrl, and says how many wait. Novita may forget the results.';
const STILL_RUNS =
  'worker: an event says that its task has ended, and the Task Result API that it still runs, so the ' +
  'entry waits. No attempt is counted.';
