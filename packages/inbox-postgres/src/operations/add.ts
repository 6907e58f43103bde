import { isBoundToken, type AddAnswer, type NewEntry } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { parseBoolean, parseNumber, type TextRow } from './row.ts';
import { toText, toTextOrNull } from './text.ts';

/** The SQL of this function is in migrations/002-functions.ts. */
const ADD = `
SELECT n::text AS n, is_valid::text AS is_valid
FROM novita_webhooks.add($1::text, $2::text::boolean)`;

/** `undecided`: an entry with the key exists and may have a schema error, or one with the token does. */
export type AddResult = AddAnswer | 'undecided';

/**
 * Adds entries, unless an entry with the same key exists.
 *
 * @param entries no two with the same key
 */
export async function add(query: Query, entries: readonly NewEntry[]): Promise<AddResult[]> {
  const rows = await query<TextRow<'n', 'is_valid'>>(ADD, [
    JSON.stringify(entries.map((entry, n) => ({ n, ...toInput(entry) }))),
    String(entries.length > 1 && entries.some(({ tokenId }) => isBoundToken(tokenId))),
  ]);
  const existing = new Map(rows.map(({ n, is_valid }) => [parseNumber(n), is_valid]));
  return entries.map(({ schemaError }, n) => {
    const isValid = existing.get(n);
    if (isValid === undefined) return 'added';
    if (isValid === null) return 'undecided';
    return parseBoolean(isValid) || schemaError !== null ? 'duplicate' : 'undecided';
  });
}

/** The columns of `toInput` for `json_to_recordset`. */
export const EVENT_INPUT = `
    "receivedAt" float8, "testMode" boolean, endpoint text, "taskId" text, status text,
    "taskType" text, source text, metadata text, "schemaError" text, traceparent text,
    "tokenId" text, body text`;

export function toInput(entry: NewEntry): Record<string, unknown> {
  return {
    receivedAt: entry.receivedAt,
    testMode: entry.testMode,
    endpoint: entry.endpoint,
    taskId: entry.taskId,
    status: toText(entry.status),
    taskType: toText(entry.taskType),
    source: entry.source,
    metadata: JSON.stringify(entry.metadata),
    schemaError: toTextOrNull(entry.schemaError),
    traceparent: toTextOrNull(entry.traceparent),
    tokenId: toTextOrNull(entry.tokenId),
    body: toText(entry.body),
  };
}
