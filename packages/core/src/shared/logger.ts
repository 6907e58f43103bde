import { describeError, stackOf } from './errors.ts';

type LogMethod = (details: Record<string, unknown>, message: string) => unknown;

/** The methods of a logger that this library calls. pino and Fastify's `app.log` have this shape. */
export interface Logger {
  debug: LogMethod;
  info: LogMethod;
  warn: LogMethod;
  error: LogMethod;
}

const silence = (): void => undefined;

/** Logs nothing. */
export const silentLogger: Logger = {
  debug: silence,
  info: silence,
  warn: silence,
  error: silence,
};

/** Wraps a logger so that its errors and rejections cannot cost an event. */
export function safeLogger(logger: Logger): Logger {
  const guard =
    (level: keyof Logger): LogMethod =>
    (details, message) => {
      try {
        const result = logger[level](details, message);
        if (result instanceof Promise) result.catch(silence);
      } catch {
        // A logger that fails cannot be reported through itself.
      }
    };
  return { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') };
}

/** The same logger with `fields` on every line. */
export function withFields(logger: Logger, fields: Record<string, unknown>): Logger {
  const add =
    (level: keyof Logger): LogMethod =>
    (details, message) =>
      // pino also accepts a message or an error alone, and handlers written for pino use that.
      typeof details === 'string'
        ? logger[level](fields, details)
        : logger[level](
            { ...fields, ...(details instanceof Error ? { err: details } : details) },
            message,
          );
  return { debug: add('debug'), info: add('info'), warn: add('warn'), error: add('error') };
}

/** The fields of a log line for an error: its description and stack, without secrets. */
export function errorFields(thrown: unknown): Record<string, unknown> {
  return { error: describeError(thrown), stack: stackOf(thrown) };
}
