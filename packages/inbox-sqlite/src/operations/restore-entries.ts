import { errorGroupOf, type Entry } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import { hasOtherTask, insertEvent, notStored, requireStored } from './add.ts';
import { toMs } from './time.ts';

const RESTORE = `
INSERT INTO novita_entries (endpoint, task_id, state, attempts, succeeded_handlers, reason,
                            error_group, due_at, finished_at, replays, partial_replay, attempt_log)
VALUES (:endpoint, :taskId, :state, :attempts, :succeededHandlers, :reason,
        :errorGroup, :dueAt, :finishedAt, :replays, :partialReplay, :attemptLog)
ON CONFLICT DO NOTHING`;

/** Adds entries of another inbox with their state. Returns how many. */
export function restoreEntries(
  connection: Connection,
  entries: readonly Entry[],
  now: number,
): number {
  return entries.filter((entry) => restore(connection, entry, now)).length;
}

function restore(connection: Connection, entry: Entry, now: number): boolean {
  const { endpoint, taskId, attempts, reason, replays, partialReplay, originalBody } = entry;
  const added = connection.run(RESTORE, {
    ...{ endpoint, taskId, attempts, reason, replays, ...stateOf(entry, now) },
    errorGroup: errorGroupOf(reason),
    succeededHandlers: JSON.stringify(entry.succeededHandlers),
    partialReplay: partialReplay === null ? null : JSON.stringify(partialReplay),
    attemptLog: JSON.stringify(entry.attemptLog),
  });
  if (added === 0) {
    requireStored(connection, entry);
    return false;
  }
  // Nothing of another inbox may be lost.
  const tokenId = hasOtherTask(connection, entry) ? null : entry.tokenId;
  if (!insertEvent(connection, { ...entry, tokenId }, originalBody)) throw notStored();
  return true;
}

function stateOf({ state, dueAt, finishedAt }: Entry, now: number) {
  return state === 'done' || state === 'dead'
    ? { state, dueAt: null, finishedAt: toMs(finishedAt ?? now) }
    : {
        state: 'pending',
        dueAt: toMs(state === 'pending' ? (dueAt ?? now) : now),
        finishedAt: null,
      };
}
