import { copyJson, CopyJsonError, isBytes, keepAsJson, MAX_DEPTH } from './copy-json.ts';
import { WebhookError } from './errors.ts';

/** A body as it was read: bytes or text to be parsed, or a value that is parsed already. */
export type Body = Uint8Array | string | { readonly parsed: unknown };

/** A JSON object whose fields were not checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Parses the body to one JSON object.
 *
 * @throws WebhookError `invalid_json`: not UTF-8, not JSON, not an object, a poisoned key
 * (`__proto__`, `constructor.prototype`), nested deeper than 64 levels, or a parsed value that is
 * cyclic or cannot be read
 */
export function parseJson(body: Body): JsonObject {
  const value =
    typeof body === 'string' || isBytes(body) ? parseText(body) : copyParsed(body.parsed);
  if (!isObject(value)) throw invalid('the body is not a JSON object');
  cleanParsed(value);
  return value;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseText(body: Uint8Array | string): unknown {
  try {
    const text = typeof body === 'string' ? body.replace(/^\uFEFF/, '') : utf8.decode(body);
    return JSON.parse(text);
  } catch {
    throw invalid('the body is not JSON in UTF-8'); // no cause: it would quote the body
  }
}

function copyParsed(value: unknown): unknown {
  try {
    return copyJson(value, keepAsJson);
  } catch (error) {
    if (!(error instanceof CopyJsonError)) throw error;
    throw invalid('the parsed body is not JSON: a cycle, too deep, or a property cannot be read');
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Rejects poisoned keys, and makes the value what its own JSON text says: a number such as 1e400 is
 * infinite once parsed, and `null` in every text made of it; -0 is 0 there. Walks level by level:
 * recursion into a megabyte of `[` would overflow the stack.
 */
function cleanParsed(root: object): void {
  const found: object[] = [root];
  let depth = 0;
  let endOfLevel = 0;
  let index = 0;
  for (const parent of found) {
    if (index === endOfLevel) {
      endOfLevel = found.length;
      if (depth >= MAX_DEPTH) throw invalid('the body is nested too deeply');
      depth += 1;
    }
    index += 1;
    collectObjects(parent, found); // the list grows meanwhile
  }
}

function collectObjects(parent: object, found: object[]): void {
  if (isPoisoned(parent)) throw invalid('the body has a poisoned key');
  for (const key in parent) {
    const child = (parent as Record<string, unknown>)[key];
    if (typeof child === 'object' && child !== null) found.push(child);
    else if (typeof child === 'number') setNumber(parent, key, child);
  }
}

/** Replaces a number that JSON text does not keep. */
function setNumber(parent: object, key: string, value: number): void {
  const kept = Number.isFinite(value) ? value + 0 : null; // -0 + 0 is 0
  if (!Object.is(kept, value)) (parent as Record<string, unknown>)[key] = kept;
}

/** Whether a key of the object itself could change the prototype of a copy. */
export function isPoisoned(value: object): boolean {
  if (Object.hasOwn(value, '__proto__')) return true;
  if (!Object.hasOwn(value, 'constructor')) return false;
  const { constructor } = value as { constructor: unknown };
  return (
    typeof constructor === 'object' &&
    constructor !== null &&
    Object.hasOwn(constructor, 'prototype')
  );
}

function invalid(message: string): WebhookError {
  return new WebhookError('invalid_json', message);
}
