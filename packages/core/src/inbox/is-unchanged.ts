import type { Entry, EntryTarget } from './ports.ts';

/** Whether an entry was neither replayed nor finished since the target was listed. For stores. */
export function isUnchanged(entry: Entry, target: EntryTarget): boolean {
  const { replays = entry.replays, finishedAt = entry.finishedAt } = target;
  return entry.replays === replays && entry.finishedAt === finishedAt;
}
