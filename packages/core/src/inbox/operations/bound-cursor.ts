import { isObject } from '../../shared/json.ts';
import { invalidCursor } from '../entry-query.ts';

const CURSOR = /^([\d-]{1,32})\.([0-9a-z]{1,7})$/;

/**
 * Makes the cursor of a call, which continues no other one: of another filter, it would leave entries out.
 *
 * @param place in the order of arrival
 * @param call what has to be the same in the next call: its operation and its filter
 */
export function bindCursor(place: string, call: object): string {
  return `${place}.${hash(call)}`;
}

/**
 * Returns the place of a cursor.
 *
 * @param operation for the error
 * @throws WebhookError `invalid_argument` if it is no cursor, or one of another call
 */
export function readCursor(operation: string, cursor: string, call: object): string {
  const [, place, of] = CURSOR.exec(cursor) ?? [];
  if (place === undefined) throw invalidCursor(operation);
  if (of === hash(call)) return place;
  const fault = 'is of another operation, filter or order. Pass the filter that it came with.';
  throw invalidCursor(operation, fault);
}

/** FNV-1a of the JSON: finds mistakes, and keeps off no attacker, who could pass any filter. */
function hash(call: object): string {
  let bits = 0x811c9dc5;
  for (const character of JSON.stringify(call, inOneOrder)) {
    bits = Math.imul(bits ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return (bits >>> 0).toString(36);
}

/** The same filter may be written in another order. */
function inOneOrder(_key: string, value: unknown): unknown {
  if (Array.isArray(value)) return [...(value as unknown[])].sort();
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}
