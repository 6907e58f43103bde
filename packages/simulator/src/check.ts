import { inspect } from 'node:util';

export type JsonObject = Record<string, unknown>;

/** Throws a TypeError or RangeError that names the field and shows what was given. */
export type Rule = (name: string, value: unknown) => void;

/** The longest delay that Node's timers take, in milliseconds (almost 25 days). */
export const longestDelayMs: number = 2 ** 31 - 1;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const show = (value: unknown): string => inspect(value, { depth: 0, maxStringLength: 80 });

const refuse = (name: string, wanted: string, value: unknown): never => {
  throw new TypeError(`${name} must be ${wanted}, got ${show(value)}`);
};

const within = (wanted: string, min: number, max: number, name: string, value: unknown): void => {
  if (typeof value !== 'number') return refuse(name, wanted, value);
  if (value >= min && value <= max) return;
  throw new RangeError(`${name} must be ${wanted} from ${min} to ${max}, got ${show(value)}`);
};

export const aNumber =
  (min: number, max: number): Rule =>
  (name, value) => {
    within('a number', min, max, name, value);
  };

export const aWholeNumber =
  (min: number, max: number): Rule =>
  (name, value) => {
    within('a whole number', min, max, name, value);
    if (!Number.isInteger(value)) refuse(name, 'a whole number', value);
  };

export const aBoolean: Rule = (name, value) => {
  if (typeof value !== 'boolean') refuse(name, 'true or false', value);
};

export const aString: Rule = (name, value) => {
  if (typeof value !== 'string') refuse(name, 'a string', value);
};

export const aFunction: Rule = (name, value) => {
  if (typeof value !== 'function') refuse(name, 'a function', value);
};

export const oneOf =
  (choices: readonly string[]): Rule =>
  (name, value) => {
    if (typeof value === 'string' && choices.includes(value)) return;
    refuse(name, `one of ${choices.join(', ')}`, value);
  };

/** An object with these fields and no others: a misspelt option must not be ignored in silence. */
export const anObject =
  (rules: Readonly<Record<string, Rule>>): Rule =>
  (name, value) => {
    if (!isObject(value)) return refuse(name, 'an object', value);
    for (const [key, entry] of Object.entries(value)) {
      const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
      if (!rule) {
        throw new TypeError(`${name}.${key} is unknown, use ${Object.keys(rules).join(', ')}`);
      }
      if (entry !== undefined) rule(`${name}.${key}`, entry);
    }
  };
