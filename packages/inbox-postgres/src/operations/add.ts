import type { NewEntry } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { toText } from './text.ts';

/** The SQL of this function is in migrations/002-functions.ts. */
const ADD = 'SELECT n, is_valid FROM novita_webhooks.add($1::text)';

/** `undecided`: an entry with the key exists, and it may have a schema error. */
export type AddResult = 'added' | 'duplicate' | 'undecided';

/**
 * Adds entries, unless an entry with the same key exists.
 *
 * @param entries no two with the same key
 */
export async function add(query: Query, entries: readonly NewEntry[]): Promise<AddResult[]> {
  const rows = await query<{ n: number; is_valid: boolean }>(ADD, [toInput(entries)]);
  const existing = new Map(rows.map(({ n, is_valid }) => [n, is_valid]));
  return entries.map(({ schemaError }, n) => {
    const isValid = existing.get(n);
    if (isValid === undefined) return 'added';
    return isValid || schemaError !== null ? 'duplicate' : 'undecided';
  });
}

export function toInput(entries: readonly NewEntry[]): string {
  return JSON.stringify(
    entries.map((entry, n) => ({
      n,
      endpoint: entry.endpoint,
      taskId: entry.taskId,
      status: toText(entry.status),
      body: toText(entry.body),
      schemaError: entry.schemaError === null ? null : toText(entry.schemaError),
      metadata: JSON.stringify(entry.metadata),
      testMode: entry.testMode,
      receivedAt: entry.receivedAt,
    })),
  );
}
