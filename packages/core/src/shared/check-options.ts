import * as v from 'valibot';

import { WebhookError } from './errors.ts';
import { isObject } from './json.ts';
import { toPrintable } from './printable.ts';
import { readOr } from './read-or.ts';
import { TOKEN_PATTERN } from './token-pattern.ts';

type Schema<T = unknown> = v.GenericSchema<unknown, T>;

/** A finite number above 0, for milliseconds and bytes. */
export const positive: Schema<number> = v.custom<number>(
  (value) => Number.isFinite(value) && (value as number) > 0,
  'must be a number above 0',
);

/** A whole number above 0. */
export const count: Schema<number> = v.custom<number>(
  (value) => Number.isSafeInteger(value) && (value as number) > 0,
  'must be a whole number above 0',
);

/** An object with these methods, of any class. */
export function methods<T>(...names: readonly string[]): Schema<T> {
  return v.custom<T>(
    (value) => names.every((name) => isFunction((value as Record<string, unknown> | null)?.[name])),
    `must be an object with ${names.join(', ')}`,
  );
}

export function isFunction(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === 'function';
}

/** The name of an endpoint: it is part of the keys of an inbox. */
export const endpointName: Schema<string> = v.pipe(
  v.string(),
  v.minLength(1, 'must have at least 1 character'),
  v.maxLength(64, 'must have at most 64 characters'),
);

/** An object without other members. A list is none. */
export function strictObject<const Entries extends v.ObjectEntries>(
  entries: Entries,
): Schema<v.InferOutput<v.StrictObjectSchema<Entries, undefined>>> {
  return v.pipe(v.custom<object>(isObject, 'must be an object'), v.strictObject(entries));
}

/**
 * Rejects unknown options and invalid values.
 *
 * @param component name that the error begins with
 * @throws WebhookError `invalid_option`
 */
export function checkOptions(component: string, schema: Schema, options: unknown): void {
  parse('invalid_option', component, schema, options);
}

/**
 * The options of `createReceiver` with their defaults.
 *
 * @throws WebhookError `invalid_option`
 */
export function parseOptions<T>(component: string, schema: Schema<T>, options: unknown): T {
  return parse('invalid_option', component, schema, options);
}

/**
 * An argument of a method with its defaults.
 *
 * @throws WebhookError `invalid_argument`
 */
export function parseArgument<T>(component: string, schema: Schema<T>, argument: unknown): T {
  return parse('invalid_argument', component, schema, argument);
}

function parse<T>(
  code: 'invalid_option' | 'invalid_argument',
  component: string,
  schema: Schema<T>,
  value: unknown,
): T {
  const parsed = readOr(() => check(schema, value), undefined);
  if (parsed === undefined) {
    const message = `${component}: an option cannot be read because its getter throws. Pass a plain object.`;
    throw new WebhookError(code, message);
  }
  if (parsed.success) return parsed.output;
  throw new WebhookError(code, `${component}: ${describeIssues(parsed.issues)}`);
}

/** Checks a value. The messages of the issues never quote it: it may be the secret. */
export function check<T>(schema: Schema<T>, value: unknown): v.SafeParseResult<Schema<T>> {
  return v.safeParse(schema, value, { message: describeFault });
}

function describeFault({ type, expected }: v.BaseIssue<unknown>): string {
  if (type !== 'strict_object') return `must be ${expected}`;
  return expected === 'never' ? 'is not known' : 'is missing';
}

/** Each invalid option with its fault. */
export function describeIssues(issues: readonly v.BaseIssue<unknown>[]): string {
  const text = issues
    .map((issue) => `${v.getDotPath(issue) ?? 'options'}: ${issue.message}`)
    .join('; ');
  return toPrintable(text.replace(TOKEN_PATTERN, '[redacted]')).slice(0, MAX_ISSUES_LENGTH);
}

/** Characters. The names of unknown members may come from a sender. */
const MAX_ISSUES_LENGTH = 1000;
