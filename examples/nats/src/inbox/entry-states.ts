// What each operation makes of an entry. Nothing here uses NATS.
import type { Entry, NewEntry, Outcome } from '@novita-webhooks/core';

/** Returns an entry that was not attempted yet. */
export function toPending(entry: NewEntry, now: number): Entry {
  return {
    ...{ ...entry, state: 'pending', attempts: 0, reason: null, dueAt: now, finishedAt: null },
    ...{
      replays: 0,
      partialReplay: null,
      succeededHandlers: [],
      attemptLog: [],
      originalBody: null,
    },
  };
}

/** An entry with a schema error must not block the valid result of its task. */
export function isReplacedBy(existing: Entry, entry: NewEntry): boolean {
  return existing.schemaError !== null && entry.schemaError === null && existing.state !== 'done';
}

export function toRunning(entry: Entry, dueAt: number): Entry {
  return { ...entry, state: 'running', attempts: entry.attempts + 1, dueAt };
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
      const { delayMs, reason = entry.reason } = outcome;
      const dueAt = now + delayMs;
      return { state: 'pending', reason, succeededHandlers, dueAt, attempts: entry.attempts - 1 };
    }
  }
}

/** All names that have succeeded, each once. */
export function withSucceeded(entry: Entry, names: readonly string[]): readonly string[] {
  return [...new Set([...entry.succeededHandlers, ...names])];
}
