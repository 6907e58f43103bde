import { isNamed } from '../inbox/handler-name.ts';
import type { PartialReplay } from '../inbox/ports.ts';
import type { RegisteredHandler } from './handlers.ts';

interface ReplayedEntry {
  readonly partialReplay?: PartialReplay | null;
}

/** The reason of a dead letter whose replay names handlers that this program does not have. */
export function findUnknownHandlers(
  { partialReplay }: ReplayedEntry,
  matching: readonly RegisteredHandler[],
): string | null {
  const wanted = partialReplay?.handlers ?? [];
  const isKnown = (name: string) => matching.some((handler) => isNamed([name], handler.name));
  // The name of an earlier release, which `withStoredNames` added to the name for people.
  const isAdded = (name: string) => isNamed(without(wanted, name), name);
  const unknown = wanted.filter((name) => !isKnown(name) && !isAdded(name));
  if (unknown.length === 0) return null;
  return (
    `the replay names handlers that are not registered for this result: ${unknown.join(', ')}. ` +
    'Replay the entry with the handlerName of a registered one.'
  );
}

const without = (names: readonly string[], name: string) => names.filter((other) => other !== name);

/**
 * The reason that makes a replayed dead letter dead again: the handlers that the replay named have
 * succeeded, but not all others.
 */
export function findOutstanding(
  { partialReplay }: ReplayedEntry,
  matching: readonly RegisteredHandler[],
  succeededHandlers: readonly string[],
): string | null {
  const isOutstanding = ({ name }: RegisteredHandler) => !succeededHandlers.includes(name);
  return matching.some(isOutstanding) ? (partialReplay?.deadReason ?? null) : null;
}
