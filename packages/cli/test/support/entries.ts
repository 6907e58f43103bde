import type { Entry } from '@novita-webhooks/core';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import { createTestEntry } from '@novita-webhooks/testing';
import { join } from 'node:path';

import { temporaryFolder } from './run.ts';

/** When the entries arrived: 2026-01-02T03:04:05Z. */
const RECEIVED_AT = Date.UTC(2026, 0, 2, 3, 4, 5);

/** A dead letter with one attempt. */
export function deadEntry(taskId: string, changes: Partial<Entry> = {}): Entry {
  return {
    ...createTestEntry({ taskId, receivedAt: RECEIVED_AT }),
    state: 'dead',
    attempts: 1,
    succeededHandlers: [],
    reason: 'HTTP 503 from storage',
    dueAt: null,
    finishedAt: RECEIVED_AT + 1000,
    replays: 0,
    partialReplay: null,
    attemptLog: [
      {
        ...{ attempt: 1, startedAt: RECEIVED_AT, durationMs: 12, outcome: 'dead' },
        trigger: 'delivery',
        errors: [{ handler: 'save', name: 'Error', message: 'HTTP 503', code: null }],
      },
    ],
    originalBody: null,
    ...changes,
  };
}

/** Entries as an export has them. */
export const toLines = (entries: readonly Entry[]): string[] =>
  entries.map((entry) => JSON.stringify(entry));

/** Creates an inbox in a file. Returns its folder and its address. */
export async function sqliteWith(
  entries: readonly Entry[],
): Promise<{ readonly folder: string; readonly address: string }> {
  const folder = await temporaryFolder();
  const path = join(folder, 'webhooks.db');
  const inbox = sqliteInbox({ path });
  await inbox.stats(); // creates the file
  await inbox.import(toLines(entries));
  await inbox.close();
  return { folder, address: `sqlite:${path}` };
}
