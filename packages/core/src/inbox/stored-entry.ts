import type { Entry } from './ports.ts';

type JsonField = 'metadata' | 'succeededHandlers' | 'partialReplay' | 'attemptLog';

/** An entry as most databases return it: its JSON as text. */
export interface StoredEntry extends Omit<Entry, JsonField | 'damage'> {
  /** A JSON object. */
  readonly metadata: string;
  /** A JSON array of texts. */
  readonly succeededHandlers: string;
  /** A JSON object, or `null`. */
  readonly partialReplay: string | null;
  /** A JSON array. */
  readonly attemptLog: string;
}

/**
 * Converts a row to an entry. Never throws: one damaged row must not fail the other rows of a claim or
 * a list. A column that cannot be read is empty in the result, and `damage` names it.
 *
 * @example
 * const entry = parseStoredEntry(row); // { …, metadata: { orderId: 42 }, succeededHandlers: [] }
 */
export function parseStoredEntry(stored: StoredEntry): Entry {
  const metadata = parse(stored.metadata);
  const succeededHandlers = parse(stored.succeededHandlers);
  const partialReplay = stored.partialReplay === null ? null : parse(stored.partialReplay);
  const damage = findDamage({ ...stored, metadata, succeededHandlers, partialReplay });
  const attemptLog = parse(stored.attemptLog);
  const entry = {
    ...stored,
    metadata: isObject(metadata) ? (metadata as Entry['metadata']) : {},
    succeededHandlers: isNames(succeededHandlers) ? succeededHandlers : [],
    receivedAt: isTime(stored.receivedAt) ? stored.receivedAt : 0,
    partialReplay: isReplay(partialReplay) ? partialReplay : null,
    attemptLog: Array.isArray(attemptLog) ? (attemptLog as Entry['attemptLog']) : [],
  };
  return damage === null ? entry : { ...entry, damage };
}

/** @returns which fields of an entry a handler cannot get, as a reason; `null` if none */
export function findDamage(
  entry: Readonly<Record<'metadata' | 'succeededHandlers' | 'receivedAt', unknown>> &
    Pick<Entry, 'damage'> & { readonly partialReplay?: unknown },
): string | null {
  if (entry.damage !== undefined) return entry.damage;
  const readable = {
    metadata: isObject(entry.metadata),
    'succeeded handlers': isNames(entry.succeededHandlers),
    'time of arrival': isTime(entry.receivedAt),
    'partial replay': isReplay(entry.partialReplay ?? null),
  };
  const fields = Object.entries(readable).flatMap(([name, isReadable]) => (isReadable ? [] : name));
  if (fields.length === 0) return null;
  return `the stored ${fields.join(' and ')} cannot be read. Repair the row and replay the entry, or discard it.`;
}

/** @returns `undefined` if the text is not JSON */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}

function isReplay(value: unknown): value is Entry['partialReplay'] {
  if (value === null) return true;
  const { handlers, deadReason } = Object(value) as Record<string, unknown>;
  return isNames(handlers) && (deadReason === null || typeof deadReason === 'string');
}

/** What a `Date` can hold. */
const MAX_TIME_MS = 8.64e15;

function isTime(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= MAX_TIME_MS;
}
