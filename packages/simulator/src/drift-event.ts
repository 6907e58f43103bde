import { isObject } from './json.ts';
import type { TaskEvent } from './novita-types.ts';

/** Exchanges numbers and strings of digits: 64-bit numbers are strings in Novita's JSON. */
const driftScalar = (value: unknown): unknown => {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
};

const DRIFTING_FIELD = /_ttl$|^eta$|^progress_percent$/;

const driftField = (key: string, value: unknown): unknown => {
  if (Array.isArray(value) && value.length === 0) return null;
  if (DRIFTING_FIELD.test(key)) return driftScalar(value);
  return drift(value);
};

const drift = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(drift);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, it]) => [key, driftField(key, it)] as const);
  return { ...Object.fromEntries(entries), new_field: { added_in: 'a later version' } };
};

/**
 * Changes the form of an event as a later version of the API may: unknown fields in every object, `null`
 * for empty arrays, strings for numbers and numbers for strings. The meaning stays the same.
 */
export const driftEvent = (event: TaskEvent): TaskEvent => drift(event) as TaskEvent;
