import type { Clock } from './clock.ts';
import { consoleLogger } from './console-logger.ts';
import { safeLogger, type Logger } from './logger.ts';
import { rollUp } from './rate-limited-log.ts';

/** Where a receiver writes its lines. */
export interface Logs {
  readonly log: Logger;
  /** For handlers: their lines are not rolled up. */
  readonly handlerLog: Logger;
  /** For lines that a sender can cause at will: they are rolled up on every logger. */
  readonly limitedLog: Logger;
  /** To be called last: writes what is held back. */
  readonly flush: () => void;
}

/** Rolls up what goes to the console. An application's own logger gets every line. */
export function createLogs({
  logger,
  clock,
}: {
  readonly logger: Logger;
  readonly clock: Clock;
}): Logs {
  const handlerLog = safeLogger(logger);
  const limitedLog = rollUp(handlerLog, clock);
  const log = logger === consoleLogger ? limitedLog : handlerLog;
  return { log, handlerLog, limitedLog, flush: limitedLog.flush };
}
