import { describeError } from './errors.ts';
import type { Logger } from './logger.ts';
import { toPrintable } from './printable.ts';

/* eslint-disable no-console -- the one place that writes to the console */

interface LineDetails extends Record<string, unknown> {
  readonly stack?: unknown;
  readonly suppressed?: number;
  readonly lastAgoMs?: number;
  readonly taskIds?: readonly string[];
}

/**
 * The default logger: `info`, `warn` and `error` go to the console, one line each: the message, then
 * the details as `key=value`. The stack of a handler's error follows, indented. `debug` is left out.
 */
export const consoleLogger: Logger = {
  debug: () => undefined,
  info: (details, message) => console.info(toLine(details, message)),
  warn: (details, message) => console.warn(toLine(details, message)),
  error: (details, message) => console.error(toLine(details, message)),
};

/** Seconds. What an older line announced, such as a retry, may have happened since. */
const OLD_S = 5;

function toLine(details: Record<string, unknown>, message: string): string {
  // Handlers may log as with pino: a text or an error alone.
  if (typeof details !== 'object') return toPrintable(String(details));
  const { stack, suppressed, lastAgoMs = 0, taskIds = [], ...rest } = details as LineDetails;
  const fields = Object.entries(rest).filter(([, value]) => value !== undefined);
  const examples = taskIds.length === 0 ? '' : `, for example taskId=${taskIds.join(',')}`;
  const seconds = Math.round(lastAgoMs / 1000);
  const age = seconds < OLD_S ? '' : `, the last one ${seconds} s ago`;
  const more =
    suppressed === undefined
      ? ''
      : ` … and ${suppressed} more such lines in the last minute${age}${examples}`;
  const pairs = fields.map(([key, value]) => ` ${key}=${toText(value)}`).join('');
  return (
    toPrintable(message + more + pairs) + (suppressed === undefined ? framesOf(rest, stack) : '')
  );
}

/** The frame that calls a handler, also in a bundle; or one of the installed package. */
const LIBRARY_FRAME = /\bcallHandler\b|@novita-webhooks[\\/]core[\\/]dist/;

/** Of a handler's error only, down to this library: it points into the code of the user. */
function framesOf({ handler }: Record<string, unknown>, stack: unknown): string {
  if (handler === undefined || typeof stack !== 'string') return '';
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  const ours = frames.findIndex((line) => LIBRARY_FRAME.test(line));
  const above = ours < 1 ? frames : frames.slice(0, ours);
  const own = above.filter((line) => !line.includes('node:internal'));
  return own.map((line) => `\n    ${toPrintable(line.trim())}`).join('');
}

function toText(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(describeError(value));
  if (typeof value === 'string' && /^[\w./:@#-]+$/.test(value)) return value;
  try {
    return JSON.stringify(value);
  } catch {
    return 'a value that cannot be written as JSON';
  }
}
