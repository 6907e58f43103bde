import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';

/** Milliseconds in which a repeated line is written once. */
const INTERVAL_MS = 60_000;
/** First failures of further tasks that are written at once, for each kind and minute. */
const MAX_FIRST_FAILURES = 10;
/** Task ids that a rolled-up line names. */
const MAX_TASK_IDS = 3;
/** Kinds of lines that are distinguished at a time. Above it, only their messages count. */
const MAX_KINDS = 200;

/** Without it, silence looks as if nothing were retried. */
const REPEATS = '. Repeats become one line a minute.';

type Level = 'warn' | 'error';

interface Kind {
  since: number;
  cancel: () => void;
  suppressed: number;
  /** When the last of them came. */
  lastAt: number;
  /** Lines that were written, beside the first one. */
  written: number;
  /** The first of those that were held back. */
  taskIds: readonly string[];
  level: Level;
  details: Record<string, unknown>;
  message: string;
}

/** A logger that holds lines back. */
export interface RolledUpLog extends Logger {
  /** Writes what is held back, and cancels the timers. */
  flush(): void;
}

/**
 * Rolls up warnings and errors that repeat: the first one is written at once, and those of the next
 * minute become one line with `suppressed`, their number. The first failure of a handler for each
 * further task is written at once too, ten times a minute. Lines repeat each other if they have the
 * same message and reason; numbers and ids in the reason do not count. The first line of a failed
 * handler says that its repeats are rolled up. A line with `suppressed` has
 * `taskIds` in place of `taskId`: at most three examples, the first ones. `lastAgoMs` is the age of the last
 * of them: what it announced may have happened since.
 */
export function rollUp(log: Logger, clock: Clock): RolledUpLog {
  const kinds = new Map<string, Kind>();

  function write(level: Level, details: Record<string, unknown>, message: string): void {
    const key = kinds.size < MAX_KINDS ? keyOf(details, message) : message;
    const { since = 0 } = kinds.get(key) ?? {};
    // The timer is late after a pause of the process. A clock that was set back must not silence lines.
    if (Math.abs(clock.now() - since) >= INTERVAL_MS) nextMinute(key);
    const kind = kinds.get(key);
    if (kind === undefined) {
      begin(key, { level, details, message });
      log[level](details, isFirstFailure(details) ? message.replace(/\.$/, '') + REPEATS : message);
    } else if (isFirstFailure(details) && kind.written < MAX_FIRST_FAILURES) {
      kind.written += 1;
      log[level](details, message);
    } else {
      const taskIds = withTaskId(kind.taskIds, details['taskId']);
      const suppressed = kind.suppressed + 1;
      Object.assign(kind, { level, details, message, taskIds, suppressed, lastAt: clock.now() });
    }
  }

  function begin(key: string, line: Pick<Kind, 'level' | 'details' | 'message'>): void {
    const cancel = clock.after(INTERVAL_MS, () => nextMinute(key), { background: true });
    kinds.set(key, {
      ...{ ...line, suppressed: 0, lastAt: 0, written: 0, taskIds: [] },
      ...{ since: clock.now(), cancel },
    });
  }

  function nextMinute(key: string): void {
    const kind = kinds.get(key);
    if (kind === undefined) return;
    end(key, kind);
    if (kind.suppressed > 0) begin(key, kind);
  }

  function end(key: string, kind: Kind): void {
    const { level, message, suppressed, lastAt } = kind;
    kind.cancel();
    kinds.delete(key);
    if (suppressed === 0) return;
    const { taskId, ...details } = kind.details;
    const examples = taskId === undefined ? {} : { taskIds: kind.taskIds };
    const lastAgoMs = Math.max(0, clock.now() - lastAt);
    log[level]({ ...details, suppressed, lastAgoMs, ...examples }, message);
  }

  return {
    debug: (details, message) => log.debug(details, message),
    info: (details, message) => log.info(details, message),
    warn: (details, message) => write('warn', details, message),
    error: (details, message) => write('error', details, message),
    flush() {
      for (const [key, kind] of kinds) end(key, kind);
    },
  };
}

/** Of a task: its later attempts repeat it. */
function isFirstFailure({ handler, taskId, attempt }: Record<string, unknown>): boolean {
  return handler !== undefined && taskId !== undefined && attempt === 1;
}

function withTaskId(taskIds: readonly string[], taskId: unknown): readonly string[] {
  if (typeof taskId !== 'string' || taskIds.length >= MAX_TASK_IDS) return taskIds;
  return taskIds.includes(taskId) ? taskIds : [...taskIds, taskId];
}

function keyOf(
  { reason, error, handler, token }: Record<string, unknown>,
  message: string,
): string {
  const parts = [message, handler, token, reason ?? error].map(String);
  return parts.join(' ').replace(/[\w-]*\d[\w.-]*/g, '#');
}
