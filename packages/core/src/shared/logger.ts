import { describeError, stackOf } from './errors.ts';

type LogMethod = (details: Record<string, unknown>, message: string) => unknown;

/** The part of a logger that is used: pino's method shape, which Fastify's `app.log` has too. */
export interface Logger {
  debug: LogMethod;
  info: LogMethod;
  warn: LogMethod;
  error: LogMethod;
}

const silence = (): void => undefined;

/** Logs nothing: the default. */
export const silentLogger: Logger = {
  debug: silence,
  info: silence,
  warn: silence,
  error: silence,
};

/** A logger that cannot hurt: one that throws or rejects must not cost an event. */
export function safeLogger(logger: Logger): Logger {
  const guard =
    (level: keyof Logger): LogMethod =>
    (details, message) => {
      try {
        const result = logger[level](details, message);
        if (result instanceof Promise) result.catch(silence);
      } catch {
        // There is nowhere left to report it.
      }
    };
  return { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') };
}

/** The same logger with `fields` on every line. */
export function withFields(logger: Logger, fields: Record<string, unknown>): Logger {
  const add =
    (level: keyof Logger): LogMethod =>
    (details, message) =>
      // pino also takes a message or an error alone, and handlers written for it do that
      typeof details === 'string'
        ? logger[level](fields, details)
        : logger[level](
            { ...fields, ...(details instanceof Error ? { err: details } : details) },
            message,
          );
  return { debug: add('debug'), info: add('info'), warn: add('warn'), error: add('error') };
}

/** How an error goes into a log line: what it says and where it came from, without secrets. */
export function errorFields(thrown: unknown): Record<string, unknown> {
  return { error: describeError(thrown), stack: stackOf(thrown) };
}
