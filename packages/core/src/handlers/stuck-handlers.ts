import type { EntryKey } from '../inbox/ports.ts';

/** Handlers that still run after their timeout. Until they end, they must not run again. */
export interface StuckHandlers {
  has(key: EntryKey, handlerId: number): boolean;
  add(key: EntryKey, handlerId: number, ended: Promise<unknown>): void;
}

export function createStuckHandlers(): StuckHandlers {
  const stuck = new Set<string>();
  const toId = ({ endpoint, taskId }: EntryKey, handlerId: number) =>
    JSON.stringify([endpoint, taskId, handlerId]);
  return {
    has: (key, handlerId) => stuck.size > 0 && stuck.has(toId(key, handlerId)),
    add(key, handlerId, ended) {
      stuck.add(toId(key, handlerId));
      void ended.finally(() => stuck.delete(toId(key, handlerId)));
    },
  };
}
