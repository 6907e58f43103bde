import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';

/** Milliseconds in which a repeated line is written once. */
const INTERVAL_MS = 60_000;
/** Kinds of lines that are distinguished at a time. Above it, only their messages count. */
const MAX_KINDS = 200;

type Level = 'warn' | 'error';

interface Kind {
  since: number;
  cancel: () => void;
  suppressed: number;
  level: Level;
  details: Record<string, unknown>;
}

/**
 * Rolls up warnings and errors that repeat: the first one is written at once, and those of the next
 * minute become one line with `suppressed`, their number. Lines repeat each other if they have the
 * same message and reason; numbers and ids in the reason do not count.
 */
export function rollUp(log: Logger, clock: Clock): Logger {
  const kinds = new Map<string, Kind>();

  function write(level: Level, details: Record<string, unknown>, message: string): void {
    if ('suppressed' in details) return void log[level](details, message); // rolled up already
    const key = kinds.size < MAX_KINDS ? keyOf(details, message) : message;
    const { since = 0 } = kinds.get(key) ?? {};
    // The timer is late after a pause of the process. A clock that was set back must not silence lines.
    if (Math.abs(clock.now() - since) >= INTERVAL_MS) end(key, message);
    const kind = kinds.get(key);
    if (kind === undefined) {
      begin(key, level, details, message);
      log[level](details, message);
    } else {
      Object.assign(kind, { level, details, suppressed: kind.suppressed + 1 });
    }
  }

  function begin(key: string, level: Level, details: Kind['details'], message: string): void {
    const options = { background: true };
    const cancel = clock.after(INTERVAL_MS, () => end(key, message), options);
    kinds.set(key, { level, details, suppressed: 0, since: clock.now(), cancel });
  }

  function end(key: string, message: string): void {
    const kind = kinds.get(key);
    if (kind === undefined) return;
    const { level, details, suppressed } = kind;
    kind.cancel();
    kinds.delete(key);
    if (suppressed === 0) return;
    begin(key, level, details, message);
    log[level]({ ...details, suppressed }, message);
  }

  return {
    debug: (details, message) => log.debug(details, message),
    info: (details, message) => log.info(details, message),
    warn: (details, message) => write('warn', details, message),
    error: (details, message) => write('error', details, message),
  };
}

function keyOf(
  { reason, error, handler, token }: Record<string, unknown>,
  message: string,
): string {
  const parts = [message, handler, token, reason ?? error].map(String);
  return parts.join(' ').replace(/[\w-]*\d[\w-]*/g, '#');
}

/** Writes a line that a sender can cause at will, rolled up on every logger. */
export type RateLimitedLog = (
  level: Level,
  details: Record<string, unknown>,
  message: string,
) => void;

export function createRateLimitedLog(log: Logger, clock: Clock): RateLimitedLog {
  const rolledUp = rollUp(log, clock);
  return (level, details, message) => void rolledUp[level](details, message);
}
