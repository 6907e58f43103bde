import type { Outcome } from '../inbox/ports.ts';
import { errorFields, type Logger } from '../shared/logger.ts';
import { exponentialBackoff, type RetryDelay } from '../shared/backoff.ts';
import type { Failure } from './handler-failure.ts';

/** What an attempt knows of retries. */
export interface RetryOptions {
  readonly maxAttempts: number;
  /** The delay after this attempt, in milliseconds. Draws a random delay once. */
  readonly scheduledDelayMs: () => number;
}

/**
 * The outcome of an attempt.
 *
 * @param failures those of all handlers so far
 */
export function toOutcome(
  failures: readonly Failure[],
  attempt: number,
  succeededHandlers: readonly string[],
  { maxAttempts, scheduledDelayMs }: RetryOptions,
): Outcome {
  if (failures.length === 0) return { type: 'done', succeededHandlers };
  const reason = [...new Set(failures.map((failure) => failure.reason))].join('; ');
  if (failures.some(({ isFinal }) => isFinal) || attempt >= maxAttempts) {
    return { type: 'dead', code: 'handler_failed', reason, succeededHandlers };
  }
  const requested = failures.flatMap(({ delayMs }) => (delayMs === null ? [] : [delayMs]));
  const delayMs = requested.length > 0 ? Math.max(...requested) : scheduledDelayMs();
  return { type: 'retry', delayMs, reason, succeededHandlers };
}

const fallbackDelay = exponentialBackoff();

/** Returns a function that calls `retry.delay` once. The default if that throws or is invalid. */
export function createScheduledDelay(
  delay: RetryDelay,
  attempt: number,
  log: Logger,
): () => number {
  let delayMs: number | undefined;
  return () => (delayMs ??= scheduledDelay(delay, attempt, log));
}

function scheduledDelay(delay: RetryDelay, attempt: number, log: Logger): number {
  try {
    const ms = delay(attempt);
    if (Number.isFinite(ms) && ms >= 0) return ms;
    log.error(
      { attempt, delay: String(ms) },
      'worker: retry.delay must return milliseconds, 0 or more. The default delay is used.',
    );
  } catch (error) {
    const fields = { attempt, ...errorFields(error) };
    log.error(fields, 'worker: retry.delay threw. The default delay is used.');
  }
  return fallbackDelay(attempt);
}

/** What a log line says of a failed handler: the attempt, its limit, and when the next one begins. */
export function describeFailedAttempt(
  outcome: Outcome,
  attempt: number,
  maxAttempts: number,
): string {
  const failed = `worker: a handler failed: attempt ${attempt} of ${maxAttempts} failed`;
  if (outcome.type === 'retry') return `${failed}, next in ${describeMs(outcome.delayMs)}`;
  if (attempt >= maxAttempts) return `${failed}, no other follows`;
  return `worker: a handler failed: attempt ${attempt} failed, and its error rules out a retry`;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Few units: a line with another unit is another line for the roll-up. */
function describeMs(ms: number): string {
  if (ms < 2 * MINUTE_MS) return `${round(ms / SECOND_MS)} s`;
  if (ms < 2 * HOUR_MS) return `${round(ms / MINUTE_MS)} min`;
  return `${round(ms / HOUR_MS)} h`;
}

/** One decimal below ten. */
function round(value: number): number {
  return value < 10 ? Math.round(value * 10) / 10 : Math.round(value);
}
