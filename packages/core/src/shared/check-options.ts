import * as z from 'zod';

import { isPlainObject } from './copy-json.ts';
import { WebhookError } from './errors.ts';
import { describeUnknown, plainIssue, type FoundIssue } from './plain-issues.ts';
import { toPrintable } from './printable.ts';
import { readOr } from './read-or.ts';
import { TOKEN_PATTERN } from './token-pattern.ts';

/** A number above 0 (not `NaN`), for milliseconds, bytes and counts. */
export const positive: z.ZodOptional<z.ZodNumber> = z.number().positive().optional();

/** 0 or more, also `Infinity`. */
export const milliseconds: z.ZodUnion<[z.ZodNumber, z.ZodLiteral<number>]> = z.union(
  [z.number().min(0), z.literal(Infinity)],
  'must be milliseconds',
);

const isSignal = (value: unknown) =>
  typeof (value as Partial<AbortSignal> | null)?.addEventListener === 'function';

/** An `AbortSignal`, also of another realm. */
export const abortSignal: z.ZodOptional<z.ZodCustom<AbortSignal>> = z
  .custom<AbortSignal>(isSignal, 'must be an AbortSignal')
  .optional();

const PLAIN = 'must be a plain object, such as {}';

/**
 * A plain object with these members and no others. Each own member is read once; a list, a `Map`, a promise
 * or an object of a class is refused, because it would count as one without members.
 */
export function strictOptions<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
): PlainObject<z.ZodObject<Shape, z.core.$strict>> {
  const schema = z.strictObject(shape, {
    error: ({ code }) => (code === 'invalid_type' ? PLAIN : undefined),
  });
  return z.preprocess(copyPlainObject, schema);
}

/** See {@link copyPlainObject}. */
export type PlainObject<Schema extends z.ZodType> = ReturnType<
  typeof z.preprocess<unknown, Schema>
>;

/** The own members of a plain object, without a prototype to inherit others from; `null` for any other value. */
export function copyPlainObject(value: unknown): object | null {
  return isPlainObject(value) ? Object.assign(Object.create(null) as object, value) : null;
}

/**
 * For JavaScript: rejects a call without a plain object of options before one of them is read.
 *
 * @param usage how to call it
 * @param known names of all options; without them, the caller rejects unknown ones
 * @throws WebhookError `invalid_option`
 */
export function requireOptions(
  component: string,
  options: unknown,
  usage: string,
  known?: readonly string[],
): void {
  const names = readOr(() => (isPlainObject(options) ? Object.keys(options) : null), null);
  const unknown = names?.filter((name) => known?.includes(name) === false) ?? [];
  const fault =
    names === null
      ? `options must be a plain object. Call it as ${usage}.`
      : describeUnknown(unknown, known ?? []);
  if (names === null || unknown.length > 0) {
    throw new WebhookError('invalid_option', `${component}: ${fault}`);
  }
}

/**
 * Rejects unknown options and invalid values.
 *
 * @param component name that the error begins with
 * @throws WebhookError `invalid_option`
 */
export function checkOptions(component: string, schema: z.ZodType, options: unknown): void {
  parse('invalid_option', component, schema, options);
}

/**
 * The options of `createReceiver` with their defaults.
 *
 * @throws WebhookError `invalid_option`
 */
export function parseOptions<T>(component: string, schema: z.ZodType<T>, options: unknown): T {
  return parse('invalid_option', component, schema, options);
}

/**
 * An argument of a method with its defaults.
 *
 * @throws WebhookError `invalid_argument`
 */
export function parseArgument<T>(component: string, schema: z.ZodType<T>, argument: unknown): T {
  return parse('invalid_argument', component, schema, argument);
}

function parse<T>(
  code: 'invalid_option' | 'invalid_argument',
  component: string,
  schema: z.ZodType<T>,
  value: unknown,
): T {
  const checked = validate(schema, value);
  if ('value' in checked) return checked.value;
  throw new WebhookError(code, `${component}: ${checked.fault}`);
}

/** The part of a `ZodError` that is described. */
interface FoundIssues {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}

/** A schema of zod 4: the part that {@link validate} needs. */
export interface ValueSchema<T> {
  safeParse(
    value: unknown,
    settings: { readonly error: (issue: FoundIssue) => string },
  ):
    | { readonly success: true; readonly data: T }
    | { readonly success: false; readonly error: FoundIssues };
}

/** A value with the defaults of its schema, or what is wrong with it. */
export type Validated<T> = { readonly value: T } | { readonly fault: string };

/**
 * Checks a value. The packages of this repository ask each schema here, so that no error has the wording of
 * zod.
 *
 * @param path goes before the names of members in `fault`
 * @returns `fault` is `<member>: <fault>`, joined by `; `. It never quotes a value: that may be a secret
 * @example
 * const checked = validate(z.strictObject({ port: z.int() }), { port: 'x' });
 * if ('fault' in checked) console.log(checked.fault); // port: must be a number
 */
export function validate<T>(
  schema: ValueSchema<T>,
  value: unknown,
  path: readonly string[] = [],
): Validated<T> {
  // eslint-disable-next-line no-restricted-syntax -- the one place
  const parsed = readOr(() => schema.safeParse(value, { error: plainIssue }), undefined);
  if (parsed === undefined) {
    return { fault: 'an option cannot be read because its getter throws. Pass a plain object' };
  }
  return parsed.success ? { value: parsed.data } : { fault: describeIssues(parsed.error, path) };
}

/** Each invalid option with its fault. Never quotes a value: it may be the secret. */
export function describeIssues(error: FoundIssues, prefix: readonly string[] = []): string {
  const text = error.issues
    .map(({ path, message }) => [[...prefix, ...path].map(String).join('.'), message] as const)
    .map(([where, message]) => `${where || 'options'}: ${message}`)
    .join('; ');
  return toPrintable(text.replace(TOKEN_PATTERN, '[redacted]')).slice(0, MAX_ISSUES_LENGTH);
}

/** Characters. The names of unknown members may come from a sender. */
const MAX_ISSUES_LENGTH = 1000;
