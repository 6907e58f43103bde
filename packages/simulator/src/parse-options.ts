import { validate } from '@novita-webhooks/core';
import * as z from 'zod';

import { isPlainObject } from './json.ts';

/** Longest delay of a Node timer: 2^31 - 1 milliseconds, almost 25 days. */
const MAX_TIMER_DELAY_MS = 2 ** 31 - 1;

/** Schema of a delay in milliseconds. */
export const delayMsSchema: z.ZodNumber = z.number().min(0).max(MAX_TIMER_DELAY_MS);

/** Makes a schema that accepts every function. It cannot check arguments or results. */
export const functionSchema = <T>(): z.ZodType<T, T> =>
  z.custom<T>((value) => typeof value === 'function', 'must be a function');

/** Options have fewer levels. Ends the walk through an object that contains itself. */
const MAX_DEPTH = 10;

/** The paths of objects that a schema would read as objects without members, such as a `Map`. */
const findOtherObjects = (value: unknown, path: readonly string[]): string[] => {
  if (typeof value !== 'object' || value === null || path.length > MAX_DEPTH) return [];
  if (!Array.isArray(value) && !isPlainObject(value)) return [path.join('.') || 'options'];
  return Object.entries(value).flatMap(([key, member]) => findOtherObjects(member, [...path, key]));
};

/**
 * Checks options and fills in the defaults of the schema.
 *
 * @param path goes before the name of the option in the error message
 * @throws {TypeError} `simulator: <option>: <problem>`
 */
export const parseOptions = <T>(
  schema: z.ZodType<T>,
  value: unknown,
  path: readonly string[] = [],
): T => {
  const [other] = findOtherObjects(value, path);
  if (other !== undefined) throw new TypeError(`simulator: ${other}: must be a plain object`);
  const checked = validate(schema, value, path);
  if ('value' in checked) return checked.value;
  throw new TypeError(`simulator: ${checked.fault}`);
};
