import type { NewEntry } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { toText } from './text.ts';

/** This and the other functions: migrations/002-functions.ts. */
const ADD = 'SELECT n, fits FROM novita_webhooks.add($1::text)';

/** `unsure`: there is one already, and it may have drifted. */
export type Added = 'added' | 'duplicate' | 'unsure';

/** @param entries no two of them with the same key */
export async function add(query: Query, entries: readonly NewEntry[]): Promise<Added[]> {
  const rows = await query<{ n: number; fits: boolean }>(ADD, [toInput(entries)]);
  const known = new Map(rows.map(({ n, fits }) => [n, fits]));
  return entries.map(({ schemaError }, n) => {
    const fits = known.get(n);
    if (fits === undefined) return 'added';
    return fits || schemaError !== null ? 'duplicate' : 'unsure';
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
