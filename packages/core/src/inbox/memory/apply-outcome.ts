import type { Entry, Outcome } from '../ports.ts';

/**
 * The fields of an entry that an outcome changes.
 *
 * @param now time of the store, in milliseconds since 1970
 */
export function applyOutcome(entry: Entry, outcome: Outcome, now: number): Partial<Entry> {
  const { attemptLog } = outcome;
  const changes = changesOf(entry, outcome, now);
  return attemptLog === undefined ? changes : { ...changes, attemptLog };
}

function changesOf(entry: Entry, outcome: Outcome, now: number): Partial<Entry> {
  if (outcome.type === 'done')
    return { state: 'done', reason: null, dueAt: null, finishedAt: Math.ceil(now) };
  const names = new Set([...entry.succeededHandlers, ...outcome.succeededHandlers]);
  const succeededHandlers = [...names];
  if (outcome.type === 'dead') {
    const { reason } = outcome;
    return { state: 'dead', reason, succeededHandlers, dueAt: null, finishedAt: Math.ceil(now) };
  }
  const pending = { state: 'pending', succeededHandlers, dueAt: now + outcome.delayMs } as const;
  const { reason = entry.reason } = outcome;
  return outcome.type === 'retry'
    ? { ...pending, reason }
    : { ...pending, reason, attempts: entry.attempts - 1 };
}
