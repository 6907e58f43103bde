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
  const unknown = wanted.filter((name) => !matching.some((handler) => handler.name === name));
  if (unknown.length === 0) return null;
  return (
    `the replay names handlers that are not registered for this result: ${unknown.join(', ')}. ` +
    'Replay the entry with the handlerName of a registered one.'
  );
}

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
