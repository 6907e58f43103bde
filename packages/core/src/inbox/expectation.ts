import { SUBMISSION_PREFIX } from '../events/envelope.ts';
import type { Entry, EntryKey, EntryState, NewEntry } from './ports.ts';

/**
 * Why an expectation has no result. It stands where an event says why its payload does not fit: so in
 * every store an expectation gives way to a result, as such an event does.
 */
export const NO_RESULT_YET = 'no result has arrived yet';

/** Whether an entry stands for a task whose result is awaited. */
export function isExpectation({
  source,
  schemaError,
}: Pick<NewEntry, 'source' | 'schemaError'>): boolean {
  return source === 'expectation' && schemaError !== null;
}

/** Whether an entry records a submit call. See `receiver.submit`. */
export function isSubmission({ taskId }: Pick<EntryKey, 'taskId'>): boolean {
  return taskId.startsWith(SUBMISSION_PREFIX);
}

/** Whether handlers run on an entry. */
export function isForHandlers(entry: Pick<NewEntry, 'taskId' | 'source' | 'schemaError'>): boolean {
  return !isExpectation(entry) && !isSubmission(entry);
}

/** The state that operators see: an expectation is `expected` until its result arrives or is given up. */
export function shownState(entry: Entry): EntryState {
  const { state } = entry;
  const isOpen = state === 'pending' || state === 'running';
  return isOpen && isExpectation(entry) ? 'expected' : state;
}

/** The states in a store of entries that are shown in these states. */
export function toStoredStates(shown: readonly EntryState[]): readonly StoredState[] {
  const stored = shown.flatMap((state) =>
    state === 'expected' ? (['pending', 'running'] as const) : [state],
  );
  return [...new Set(stored)];
}

/** A state as stores know it. */
export type StoredState = Exclude<EntryState, 'expected'>;

/**
 * Whether a delivery would take the place of an expectation with the token of another task. The task was
 * submitted with a callback URL of its own, so only that one may bring its result. For stores.
 *
 * @param existing the entry of the same task
 * @example
 * if (hasForeignToken(existing, entry)) return 'other_task';
 */
export function hasForeignToken(
  existing: Pick<NewEntry, 'source' | 'schemaError' | 'tokenId'>,
  entry: Pick<NewEntry, 'source' | 'tokenId'>,
): boolean {
  const isBound = isExpectation(existing) && existing.tokenId !== null;
  return isBound && entry.source === 'delivery' && entry.tokenId !== existing.tokenId;
}

/**
 * The entry that takes the place of another one. What was given with an expectation counts: we said it of
 * this very task, while a token may have leaked. For stores, where `add` replaces an entry.
 *
 * @param existing the entry that gives way
 * @example
 * const stored = inheritExpectation(existing, entry);
 */
export function inheritExpectation(
  existing: Pick<
    NewEntry,
    'source' | 'schemaError' | 'metadata' | 'traceparent' | 'testMode' | 'tokenId'
  >,
  entry: NewEntry,
): NewEntry {
  if (!isExpectation(existing)) return entry;
  const hasMetadata = Object.keys(existing.metadata).length > 0;
  return {
    ...entry,
    metadata: hasMetadata ? existing.metadata : entry.metadata,
    traceparent: entry.traceparent ?? existing.traceparent,
    // The token of a test proves nothing about a task that is none.
    tokenId: entry.testMode && !existing.testMode ? null : (entry.tokenId ?? existing.tokenId),
  };
}
