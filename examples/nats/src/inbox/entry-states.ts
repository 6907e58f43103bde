// What each operation makes of an entry. Nothing here uses NATS.
import type {
  Entry,
  EntryTarget,
  NewEntry,
  Outcome,
  StoreReplayOptions,
} from '@novita-webhooks/core';

/** Returns an entry that was not attempted yet. */
export function toPending(entry: NewEntry, now: number): Entry {
  return {
    ...{ ...entry, ...firstSeries(now), succeededHandlers: [], attemptLog: [] },
    ...{ replays: 0, partialReplay: null, originalBody: null },
  };
}

function firstSeries(now: number) {
  return { state: 'pending', attempts: 0, reason: null, dueAt: now, finishedAt: null } as const;
}

/** An entry with a schema error must not block the valid result of its task. */
export function isReplacedBy(existing: Entry, entry: NewEntry): boolean {
  return existing.schemaError !== null && entry.schemaError === null && existing.state !== 'done';
}

export function toRunning(entry: Entry, dueAt: number): Entry {
  return { ...entry, state: 'running', attempts: entry.attempts + 1, dueAt };
}

/** Whether an entry was neither replayed nor finished since the target was listed. */
export function isUnchanged(entry: Entry, target: EntryTarget): boolean {
  const { replays = entry.replays, finishedAt = entry.finishedAt } = target;
  return entry.replays === replays && entry.finishedAt === finishedAt;
}

/** Returns an entry at the start of another series; `undefined` if it is neither done nor dead. */
export function toReplayed(
  entry: Entry,
  { handlers, body }: StoreReplayOptions,
  now: number,
): Entry | undefined {
  const { state, reason, replays, succeededHandlers } = entry;
  if (state !== 'done' && state !== 'dead') return undefined;
  const isDead = state === 'dead';
  const isKept = (name: string) => isDead && handlers?.includes(name) !== true;
  const originalBody = entry.originalBody ?? entry.body;
  return {
    ...{ ...entry, ...firstSeries(now), replays: replays + 1 },
    ...(body && { ...body, originalBody, schemaError: null }),
    succeededHandlers: succeededHandlers.filter(isKept),
    partialReplay: handlers ? { handlers, deadReason: isDead ? (reason ?? '') : null } : null,
  };
}

/** Returns an entry of another inbox. A running one becomes pending. */
export function toRestored(entry: Entry, now: number): Entry {
  const { state, dueAt, finishedAt } = entry;
  if (state === 'done' || state === 'dead') return { ...entry, finishedAt: finishedAt ?? now };
  return { ...entry, state: 'pending', dueAt: state === 'pending' ? (dueAt ?? now) : now };
}

export function outcomeChanges(entry: Entry, outcome: Outcome, now: number): Partial<Entry> {
  const { attemptLog = entry.attemptLog } = outcome;
  return { ...stateChanges(entry, outcome, now), attemptLog };
}

function stateChanges(entry: Entry, outcome: Outcome, now: number): Partial<Entry> {
  if (outcome.type === 'done') return { state: 'done', reason: null, dueAt: null, finishedAt: now };
  const succeededHandlers = withSucceeded(entry, outcome.succeededHandlers);
  switch (outcome.type) {
    case 'dead':
      return {
        state: 'dead',
        reason: outcome.reason,
        succeededHandlers,
        dueAt: null,
        finishedAt: now,
      };
    case 'retry':
      return {
        state: 'pending',
        reason: outcome.reason,
        succeededHandlers,
        dueAt: now + outcome.delayMs,
      };
    case 'released': {
      const dueAt = now + outcome.delayMs;
      return { state: 'pending', succeededHandlers, dueAt, attempts: entry.attempts - 1 };
    }
  }
}

/** All names that have succeeded, each once. */
export function withSucceeded(entry: Entry, names: readonly string[]): readonly string[] {
  return [...new Set([...entry.succeededHandlers, ...names])];
}
