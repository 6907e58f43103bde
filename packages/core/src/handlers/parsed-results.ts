import type { ParsedResult } from '../events/task-result-schema.ts';
import type { NewEntry } from '../inbox/ports.ts';

/**
 * Results of events that this process has just accepted and will probably handle itself: their bodies
 * need not be parsed again. Bounded, and only a shortcut: an entry without a kept result is parsed.
 */
export interface ParsedResults {
  keep(entry: NewEntry, parsed: ParsedResult): void;
  /** The result of exactly this event, once: a handler may change it. */
  take(entry: NewEntry): ParsedResult | undefined;
}

/** Characters of the bodies. A parsed body takes a few times as many bytes. */
const MAX_CHARACTERS = 4 * 1024 * 1024;

/** @param isConsuming whether this process attempts entries at all */
export function createParsedResults(isConsuming: () => boolean): ParsedResults {
  const kept = new Map<string, { readonly entry: NewEntry; readonly parsed: ParsedResult }>();
  let characters = 0;

  function remove(taskId: string): void {
    characters -= kept.get(taskId)?.entry.body.length ?? 0;
    kept.delete(taskId);
  }

  function forgetOldest(): void {
    for (const oldest of kept.keys()) {
      if (characters <= MAX_CHARACTERS) return;
      remove(oldest);
    }
  }

  return {
    keep(entry, parsed) {
      if (!isConsuming() || kept.has(entry.taskId)) return; // the first event of a task counts
      kept.set(entry.taskId, { entry, parsed });
      characters += entry.body.length;
      if (characters > MAX_CHARACTERS) forgetOldest();
    },
    take({ taskId, body, receivedAt }) {
      const found = kept.get(taskId);
      if (found === undefined) return undefined;
      remove(taskId);
      const isSame = found.entry.body === body && found.entry.receivedAt === receivedAt;
      return isSame ? found.parsed : undefined;
    },
  };
}
