import type { Entry, StoreReplayOptions } from './ports.ts';

/**
 * What a replay makes of an entry, but for `dueAt`, which is the time of the store. For stores.
 *
 * @returns `undefined` if the entry is neither done nor dead
 */
export function replayChanges(
  entry: Entry,
  { handlers, body }: StoreReplayOptions = {},
): Partial<Entry> | undefined {
  const { state, reason, replays, succeededHandlers } = entry;
  if (state !== 'done' && state !== 'dead') return undefined;
  const isDead = state === 'dead';
  const isKept = (name: string) => isDead && handlers?.includes(name) !== true;
  const originalBody = entry.originalBody ?? entry.body;
  return {
    ...{ state: 'pending', attempts: 0, reason: null, finishedAt: null, replays: replays + 1 },
    ...(body && { ...body, originalBody, schemaError: null }),
    succeededHandlers: succeededHandlers.filter(isKept),
    partialReplay: handlers
      ? { handlers: [...handlers], deadReason: isDead ? (reason ?? '') : null }
      : null,
  };
}
