import type { EntryState } from '@novita-webhooks/core';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';

/** Opens the file of an inbox again and reads the state of each task, by task id. */
export async function readStates(path: string): Promise<ReadonlyMap<string, EntryState>> {
  const inbox = sqliteInbox({ path });
  const states = new Map<string, EntryState>();
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page = await inbox.list({ limit: 100, cursor });
    for (const { taskId, state } of page.entries) states.set(taskId, state);
    cursor = page.cursor;
  }
  await inbox.close();
  return states;
}
