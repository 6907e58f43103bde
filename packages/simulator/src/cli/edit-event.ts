// Changes of an event before it is delivered: `--set`, `--remove`.
import { isObject, type JsonObject } from '../json.ts';
import { CommandError } from './errors.ts';

/** A change of one value in an event. */
export interface EventChange {
  /** `['payload', 'images', '0', 'image_url']` */
  readonly path: readonly string[];
  /** `undefined` removes the value. */
  readonly value: unknown;
}

type Container = JsonObject | unknown[];

const isContainer = (value: unknown): value is Container => isObject(value) || Array.isArray(value);

/** Also `__proto__` becomes a member: a test may want to send it. */
const define = (container: Container, key: string, value: unknown): void => {
  const settings = { value, writable: true, enumerable: true, configurable: true };
  Object.defineProperty(container, key, settings);
};

const read = (container: Container, key: string): unknown =>
  Object.hasOwn(container, key) ? (container as JsonObject)[key] : undefined;

const checkIndex = (container: Container, key: string, path: readonly string[]): void => {
  if (!Array.isArray(container)) return;
  if (/^\d{1,4}$/.test(key) && Number(key) <= container.length) return;
  const message = `${path.join('.')}: the list has ${container.length === 1 ? '1 member' : `${container.length} members`}, so '${key}' is none. Count from 0.`;
  throw new CommandError('usage', message);
};

const remove = (container: Container, key: string): boolean => {
  if (!Object.hasOwn(container, key)) return false;
  if (Array.isArray(container)) container.splice(Number(key), 1);
  else Reflect.deleteProperty(container, key);
  return true;
};

const apply = (event: JsonObject, { path, value }: EventChange): void => {
  let container: Container = event;
  const [first = ''] = path;
  if (value !== undefined && path.length > 1 && !Object.hasOwn(event, first)) {
    const message = `--set ${path.join('.')}: the event has no ${first}. Paths begin at the envelope, such as payload.task.status.`;
    throw new CommandError('usage', message);
  }
  for (const key of path.slice(0, -1)) {
    checkIndex(container, key, path);
    const next = read(container, key);
    if (!isContainer(next) && value === undefined) break;
    const found: Container = isContainer(next) ? next : {};
    if (found !== next) define(container, key, found);
    container = found;
  }
  const last = path.at(-1) ?? '';
  if (value !== undefined) {
    checkIndex(container, last, path);
    define(container, last, value);
  } else if (!remove(container, last)) {
    const message = `--remove ${path.join('.')}: the event has no such value. Paths begin at the envelope, such as payload.images.0.`;
    throw new CommandError('usage', message);
  }
};

/**
 * Returns a changed copy. `--set` creates the objects that a path needs.
 *
 * @throws CommandError `usage` if there is nothing to remove, an index of a list is too large, or a path
 * does not begin at the envelope
 */
export const changeEvent = (event: JsonObject, changes: readonly EventChange[]): JsonObject => {
  const copy = structuredClone(event);
  for (const change of changes) apply(copy, change);
  return copy;
};
