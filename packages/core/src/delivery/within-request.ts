import { withDeadline, type Clock } from '../shared/clock.ts';
import { errorFields, type Logger } from '../shared/logger.ts';
import type { RuntimeContext } from './request.ts';

interface WithinRequestOptions {
  readonly clock: Clock;
  readonly limitedLog: Logger;
}

/**
 * Gives work on which no reply depends the time to end, if the runtime may stop after the reply: with
 * `waitUntil` after the reply, without it before.
 *
 * @param remainingMs milliseconds until the reply has to be sent
 */
export async function finishWithinRequest(
  work: Promise<unknown>,
  remainingMs: number,
  { ephemeral = false, waitUntil }: RuntimeContext,
  { clock, limitedLog }: WithinRequestOptions,
): Promise<void> {
  if (!ephemeral) return;
  if (waitUntil === undefined) await withDeadline(work, remainingMs, clock);
  else keepRuntimeAlive(work, waitUntil, limitedLog);
}

/** A runtime whose `waitUntil` throws gets the same reply. */
export function keepRuntimeAlive(
  work: Promise<unknown>,
  waitUntil: RuntimeContext['waitUntil'],
  limitedLog: Logger,
): void {
  try {
    waitUntil?.(work);
  } catch (error) {
    limitedLog.warn(errorFields(error), 'delivery: waitUntil of the runtime threw');
  }
}
