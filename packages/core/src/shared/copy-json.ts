/** Deeper than any event of Novita. Recursion to this depth cannot overflow the stack. */
export const MAX_DEPTH = 64;

/**
 * More values than any body of a few MiB holds. Objects that share members can stand for
 * exponentially many values.
 */
const MAX_VALUES = 1_000_000;

/**
 * Decides about a value that JSON does not have: a bigint, `undefined`, a function, an object of a
 * class. Returns a replacement, which is copied in its place, or throws.
 */
export type OnOtherValue = (value: unknown, fail: (message: string) => Error) => unknown;

/** Thrown for a value that cannot become JSON. The message begins with the path to it. */
export class CopyJsonError extends Error {}

/**
 * Copies a live value to plain JSON data and reads each property once. Drops members that are
 * `undefined`, as `JSON.stringify` does. Every walk over objects of other code begins here, because
 * this walk ends for cyclic, deep and shared objects and for getters that throw.
 *
 * @throws CopyJsonError if the value is cyclic, deeper than 64 levels, has over 1,000,000 values,
 * cannot be read, or is refused by `onOther`
 */
export function copyJson(root: unknown, onOther: OnOtherValue): unknown {
  const path: string[] = [];
  const ancestors = new Set<object>();
  const finished = new Map<object, { readonly copied: unknown; readonly size: number }>();
  let values = 0;
  const fail = (message: string) =>
    new CopyJsonError(`${path.slice(0, MAX_PATH).join('.') || 'the value'} ${message}`);

  function copy(value: unknown): unknown {
    count(1);
    if (isPrimitive(value)) return value;
    if (typeof value !== 'object' || value === null) return copyReplacement(onOther(value, fail));
    if (ancestors.has(value)) throw fail('refers to an object that contains it');
    if (path.length >= MAX_DEPTH) throw fail(`is nested deeper than ${MAX_DEPTH} levels`);
    const known = finished.get(value);
    if (known !== undefined) {
      count(known.size);
      return known.copied;
    }
    const before = values;
    ancestors.add(value);
    const copied = Array.isArray(value) ? copyList(value) : copyObject(value);
    ancestors.delete(value);
    finished.set(value, { copied, size: values - before });
    return copied;
  }

  /** A shared object counts as often as it is referred to, because JSON repeats it. */
  function count(more: number): void {
    values += more;
    if (values > MAX_VALUES) throw fail(`has over ${MAX_VALUES} values`);
  }

  function copyReplacement(value: unknown): unknown {
    return value === undefined ? undefined : copy(value);
  }

  function copyAt(key: string, value: unknown): unknown {
    path.push(key);
    const copied = copy(value);
    path.pop();
    return copied;
  }

  function copyList(list: readonly unknown[]): unknown[] {
    if (list.length > MAX_VALUES) throw fail(`has over ${MAX_VALUES} values`);
    return Array.from(list, (value, index) => copyAt(String(index), value) ?? null);
  }

  function copyObject(object: object): unknown {
    if (!isPlain(object)) return copyReplacement(onOther(object, fail));
    const members: [string, unknown][] = [];
    for (const [key, value] of Object.entries(object) as [string, unknown][]) {
      const copied = value === undefined ? undefined : copyAt(key, value);
      if (copied !== undefined) members.push([key, copied]);
    }
    return Object.fromEntries(members);
  }

  try {
    return copy(root);
  } catch (error) {
    if (error instanceof CopyJsonError) throw error;
    throw Object.assign(fail('cannot be read'), { cause: error }); // a getter, a revoked proxy
  }
}

/** Paths in messages are cut, because a cyclic object has an endless one. */
const MAX_PATH = 8;

/** Whether JSON has the value as it is, and it has no members. */
export function isPrimitive(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  return value === null || typeof value === 'string' || typeof value === 'boolean';
}

function isPlain(object: object): boolean {
  return isPlainObject(object) && typeof (object as { toJSON?: unknown }).toJSON !== 'function';
}

/**
 * Whether a value is an object that inherits nothing: no list, no `Map`, no promise, no object of a
 * class. Throws for a revoked proxy.
 */
export function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null; // also of another realm
}

/**
 * For values of a parser: keeps what `JSON.stringify` would, and the digits of a bigint. A bigint
 * beyond the safe integers becomes text, because JSON numbers are read as doubles.
 */
export const keepAsJson: OnOtherValue = (value) => {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (typeof value === 'number') return null; // NaN and infinities, as JSON.stringify does
  if (typeof value !== 'object' || value === null) return undefined;
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return toJSON.call(value) as unknown;
  const primitive: unknown = value.valueOf(); // of boxes such as `new Number(1)`
  return typeof primitive === 'object' ? { ...value } : primitive;
};

/** For values of the caller: refuses what would change on its way through JSON. */
export const refuseOther: OnOtherValue = (value, fail) => {
  if (value instanceof Date) throw fail('is a Date. Pass an ISO string: date.toISOString().');
  if (typeof value === 'bigint') throw fail('is a bigint. Pass a string: String(value).');
  if (typeof value === 'number') throw fail(`is ${value}. Pass a finite number or null.`);
  if (value === undefined) throw fail('is undefined in a list. Pass null.');
  const kind = typeof value === 'object' ? 'an object of a class' : `a ${typeof value}`;
  throw fail(`is ${kind}. Pass JSON values only.`);
};

/** Whether a value is bytes. Unlike `instanceof` alone, it does not throw for a revoked proxy. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && value instanceof Uint8Array;
}
