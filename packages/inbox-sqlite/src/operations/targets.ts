import type { EntryTarget } from '@novita-webhooks/core';

/** As `UNCHANGED_TARGETS` expects them. */
export function toTargets(targets: readonly EntryTarget[]): string {
  return JSON.stringify(
    targets.map(({ endpoint, taskId, replays, finishedAt }) => [
      ...[endpoint, taskId, replays ?? null],
      ...(finishedAt === undefined ? [] : [finishedAt]),
    ]),
  );
}

/** The ids of the entries in `:targets` that still have the replays and the time that are given. */
export const UNCHANGED_TARGETS = `
  SELECT entry.id
  FROM json_each(:targets) AS target CROSS JOIN novita_entries AS entry
  WHERE entry.task_id = json_extract(target.value, '$[1]')
    AND entry.endpoint = json_extract(target.value, '$[0]')
    AND entry.replays = coalesce(json_extract(target.value, '$[2]'), entry.replays)
    AND (json_array_length(target.value) = 3
         OR entry.finished_at IS json_extract(target.value, '$[3]'))`;
