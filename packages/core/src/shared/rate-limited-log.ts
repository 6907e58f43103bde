import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';

/** Milliseconds in which one kind of event gets one line. */
const INTERVAL_MS = 60_000;

/** Logs an event of a kind that a sender can repeat at will. */
export type RateLimitedLog = (
  level: 'warn' | 'error',
  details: Record<string, unknown>,
  message: string,
) => void;

/**
 * Writes the first line of each message at once, and then at most one a minute. The next line has
 * `suppressed`, the number of lines left out. The messages are constants, so the memory is bounded.
 */
export function createRateLimitedLog(log: Logger, clock: Pick<Clock, 'now'>): RateLimitedLog {
  const kinds = new Map<string, { since: number; suppressed: number }>();
  return (level, details, message) => {
    const now = clock.now();
    const kind = kinds.get(message);
    // A clock that was set back must not silence the log.
    if (kind !== undefined && Math.abs(now - kind.since) < INTERVAL_MS) {
      kind.suppressed += 1;
      return;
    }
    kinds.set(message, { since: now, suppressed: 0 });
    const suppressed = kind?.suppressed ?? 0;
    log[level](suppressed === 0 ? details : { ...details, suppressed }, message);
  };
}
